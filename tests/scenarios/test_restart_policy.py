"""Scenarios 3 to 7: who is restarted, how soon, how often, and when it is enough."""

from __future__ import annotations

import os
import re
import signal
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from agents.models import Agent, Run
from agents.policy.states import Action, Status
from tests.harness.supervisor import Actor, Cast, Supervisor
from tests.harness.waiting import until

pytestmark = pytest.mark.usefixtures("supervisor")


def delays(agent: Actor) -> list[float]:
    """The delays that the history tells of."""
    backoffs = [c.reason for c in agent.history() if c.to_status == Status.BACKOFF]
    found = [re.search(r"in ([\d.]+) s$", reason) for reason in backoffs]
    return [float(match[1]) for match in found if match]


def test_03_a_program_that_ends_at_once_with_0_has_completed(cast: Cast) -> None:
    agent = cast("end", "0")
    asked = agent.ask(Action.START)
    assert agent.settled(asked).outcome == "done"
    row = agent.wait_for(Status.STOPPED)
    assert row.status_reason == "completed: exited with 0"
    assert agent.runs()[0].exit_code == 0
    assert row.retry_at is None


def test_04_a_crash_loop_slows_down_gives_up_and_begins_afresh_for_a_person(
    cast: Cast,
) -> None:
    agent = cast("end", "3", max_restarts=3, backoff_initial=0.2, backoff_max=5)
    agent.ask(Action.START)
    row = agent.wait_for(Status.CRASHED)
    assert row.status_reason == "exited with 3; gave up after 3 restarts within 600 s"
    assert (row.restart_count, row.restarts_total) == (3, 3)
    assert len(agent.noted()) == 4
    first, second, third = delays(agent)
    assert first < second < third
    assert 0.1 <= first <= 0.3
    assert 0.6 <= third <= 1.0
    path = [status for status in agent.path() if status != "running"]
    assert path == ["starting", "backoff"] * 3 + ["starting", "crashed"]
    assert [run.restart_number for run in agent.runs()] == [0, 1, 2, 3]
    # The delays were not only told: they were kept.
    begun = [run.created_at for run in agent.runs()]
    ended = [run.ended_at for run in agent.runs()]
    kept = [
        (after - before).total_seconds()
        for before, after in zip(ended, begun[1:], strict=False)
        if before is not None
    ]
    for told, real in zip(delays(agent), kept, strict=True):
        assert told - 0.06 <= real <= told + 0.5

    agent.ask(Action.START, actor="bob")
    agent.wait_until(lambda row: row.status == Status.CRASHED and row.generation == 2)
    agent.wait_until(lambda row: row.observed_generation == 2)
    row = agent.wait_for(Status.CRASHED)
    assert len(agent.noted()) == 8
    assert (row.restart_count, row.restarts_total) == (3, 6)
    assert agent.runs()[4].restart_number == 0


def test_05_a_slow_flapper_trips_the_limit_as_well(cast: Cast) -> None:
    """A slow flapper trips the limit as well."""
    agent = cast("end", "1", "1.2", max_restarts=2)
    agent.ask(Action.START)
    agent.wait_for(Status.CRASHED)
    assert len(agent.noted()) == 3


def test_07_after_a_healthy_time_the_counters_are_0_again_once(
    cast: Cast,
) -> None:
    agent = cast("wait", healthy_after=0.5).start_ready()
    os.kill(agent.noted()[0], signal.SIGKILL)
    agent.wait_until(lambda row: row.restart_count == 1)
    agent.wait_until(lambda row: row.restart_count == 0)
    row = agent.look()
    assert row.status == Status.RUNNING
    assert row.restarts_total == 1
    assert row.recent_exits[1:] == []
    # A second healthy time says nothing new.
    now = agent.ask(Action.START)
    agent.settled(now)
    until(lambda: agent.runs()[1].ended_at is None, what="it to run on")
    notes = [c.reason for c in agent.history() if "healthy" in c.reason]
    assert notes == ["healthy for 0.5 s: the restart counters are 0 again"]


def test_06_after_two_days_of_running_the_same_limit_applies(
    supervisor: Supervisor, cast: Cast, tmp_path: Path
) -> None:
    """Two days are not waited for: every row is made two days older."""
    code = f"echo leader $$ >> $MARKER; test -e {tmp_path}/bad && exit 1; exec sleep 60"
    agent = cast.command(["/bin/sh", "-c", code], name="old", max_restarts=3).start()
    supervisor.close()
    past = timezone.now() - timedelta(days=2)
    Agent.objects.update(created_at=past, status_since=past, started_at=past)
    Run.objects.update(created_at=past, started_at=past)
    supervisor.start()
    (tmp_path / "bad").touch()
    os.killpg(agent.look().pid or 0, signal.SIGTERM)
    row = agent.wait_for(Status.CRASHED)
    assert "gave up after 3 restarts within 600 s" in row.status_reason
    assert len(agent.noted()) == 4
    assert len(delays(agent)) == 3


def test_04_the_next_start_is_told_while_it_is_waited_for(cast: Cast) -> None:
    agent = cast("end", "1", backoff_initial=30, backoff_max=30)
    agent.ask(Action.START)
    row = agent.wait_for(Status.BACKOFF)
    assert row.retry_at is not None and row.stopped_at is not None
    assert 24 <= (row.retry_at - row.stopped_at).total_seconds() <= 36
    assert re.search(r"exited with 1; restart 1 of 5 in \d+\.\d s", row.status_reason)
