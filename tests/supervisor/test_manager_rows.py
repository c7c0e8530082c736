"""Rows that somebody else wrote: a web process, a second supervisor, a hand."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from agents.models import Agent, Node, Run, StatusChange, Usage, UsageDay
from agents.policy.clock import boot_seconds
from agents.policy.states import Action, Status
from agents.services import nodes
from tests.harness.native import native
from tests.harness.processes import lives
from tests.harness.supervisor import Cast, Supervisor
from tests.harness.waiting import until


def test_what_a_web_process_called_unknown_is_known_again(
    supervisor: Supervisor, cast: Cast
) -> None:
    """The supervisor was held up for longer than its lease, and nobody ended."""
    agent = cast("wait").start()
    pid = agent.look().pid
    Node.objects.update(lease_boot_seconds=boot_seconds() - 1)
    assert nodes.mark_silent() == 1
    agent.wait_for(Status.RUNNING)
    assert agent.row.pid == pid
    assert [c.to_status for c in agent.history()][-2:] == ["unknown", "running"]


def test_a_row_that_somebody_else_wrote_makes_the_supervisor_start_anew(
    supervisor: Supervisor, cast: Cast, caplog: pytest.LogCaptureFixture
) -> None:
    agent, other = cast("wait").start(), cast("wait", name="other").start()
    pids = agent.look().pid, other.look().pid
    Agent.objects.filter(pk=agent.row.pk).update(status=Status.STARTING)
    asked = agent.ask(Action.STOP)
    assert agent.settled(asked).outcome == "done"
    assert "starts anew" in caplog.text
    assert agent.look().status == Status.STOPPED
    assert not lives(pids[0] or 0)
    # The others were neither ended nor doubled, and are under supervision.
    assert (other.look().status, other.row.pid) == ("running", pids[1])
    other.stop()
    assert len(other.noted()) == 1


@pytest.mark.parametrize("status", [Status.CRASHED, Status.STOPPED])
def test_a_status_written_by_hand_over_an_open_run_is_corrected_at_the_start(
    supervisor: Supervisor, cast: Cast, status: Status
) -> None:
    agent, other = cast("wait").start(), cast("wait", name="other").start()
    pid = agent.look().pid
    supervisor.close()
    Agent.objects.filter(pk=agent.row.pk).update(status=status)
    supervisor.start()
    agent.wait_for(Status.RUNNING)
    assert agent.row.pid == pid
    assert other.look().status == Status.RUNNING


def test_old_usage_is_deleted_in_parts_and_its_sums_stay(
    idle: Supervisor, cast: Cast
) -> None:
    agent = native(cast).row
    now = timezone.now()
    Usage.objects.bulk_create(
        Usage(agent=agent, agent_name=agent.name, at=now - timedelta(days=days))
        for days in [200] * 1500 + [1] * 3
    )
    UsageDay.objects.create(
        day=now - timedelta(days=200), agent=agent, agent_name="x", requests=1500
    )
    idle.start()
    until(lambda: Usage.objects.count() == 3, what="the old usage to be gone")
    assert UsageDay.objects.get().requests == 1500


def test_files_of_old_runs_go_and_those_of_a_live_one_and_all_rows_stay(
    supervisor: Supervisor, cast: Cast, data: Path
) -> None:
    agent, idler = cast("wait").start(), cast("wait", name="idle").start()
    agent.stop()
    agent.start()
    idler.stop()
    supervisor.close()
    long_ago = timezone.now() - timedelta(days=400)
    Run.objects.update(created_at=long_ago, started_at=long_ago)
    Run.objects.exclude(ended_at=None).update(ended_at=long_ago)
    StatusChange.objects.update(at=long_ago)
    folders = [data / "runs" / run.folder for run in agent.runs()]
    latest = data / "runs" / idler.runs()[0].folder
    (latest / "task-7").touch()
    for folder in (*folders, latest):
        os.utime(folder, (1000, 1000))
    before = Run.objects.count()
    supervisor.start()
    until(
        lambda: not ((latest / "task-7").exists() or folders[0].exists()),
        what="the old files to be gone",
    )
    assert (folders[1] / "out").exists(), "it is alive"
    assert (latest / "out").exists(), "it is its agent's latest"
    assert Run.objects.count() == before
    assert [change.to_status for change in idler.history()] == ["stopped"]
