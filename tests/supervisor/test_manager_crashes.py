"""Crashes: restarts that wait longer each time, a limit, and reasons in words."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from agents.models import Agent
from agents.policy.states import Action, Status
from tests.harness.supervisor import Cast, Supervisor
from tests.harness.waiting import until

pytestmark = pytest.mark.usefixtures("supervisor")


def test_a_fresh_start_sets_the_count_to_0(cast: Cast, tmp_path: Path) -> None:
    code = f"test -e {tmp_path}/good && exec sleep 60; exit 1"
    agent = cast.command(["/bin/sh", "-c", code], name="mended", max_restarts=2)
    agent.ask(Action.START)
    assert agent.wait_for(Status.CRASHED).restart_count == 2
    (tmp_path / "good").touch()
    asked = agent.ask(Action.START)
    assert agent.settled(asked).outcome == "done"
    row = agent.look()
    assert row.status == Status.RUNNING
    assert (row.restart_count, row.restarts_total, row.recent_exits[1:]) == (0, 2, [])


def test_without_restarts_the_first_failure_is_a_crash(cast: Cast) -> None:
    agent = cast("end", "1", max_restarts=0)
    agent.ask(Action.START)
    row = agent.wait_for(Status.CRASHED)
    assert len(agent.noted()) == 1
    assert row.restart_count == 0


def test_exits_outside_the_window_do_not_count(cast: Cast) -> None:
    agent = cast("end", "1", "0.1", max_restarts=2, restart_window=0.3)
    agent.ask(Action.START)
    until(lambda: len(agent.noted()) >= 5, what="the fifth run")
    assert agent.look().status != Status.CRASHED


def test_a_death_by_a_signal_is_told_by_its_name(cast: Cast) -> None:
    agent = cast("wait", auto_restart="never").start_ready()
    os.kill(agent.noted()[0], signal.SIGSEGV)
    row = agent.wait_for(Status.CRASHED)
    assert "ended by signal SEGV (exit code 139)" in row.status_reason
    assert agent.runs()[0].exit_code == 139


def test_the_death_of_the_shim_alone_ends_the_program_too(cast: Cast) -> None:
    agent = cast("wait", auto_restart="never").start_ready()
    os.kill(agent.look().pid or 0, signal.SIGKILL)
    row = agent.wait_for(Status.CRASHED)
    assert agent.alive() == []
    assert "KILL" in row.status_reason


def test_the_healthy_time_counts_from_the_programs_beginning(cast: Cast) -> None:
    agent = cast("wait", healthy_after=1.0).start_ready()
    os.kill(agent.noted()[0], signal.SIGKILL)
    agent.wait_until(lambda row: row.restart_count == 1 and row.status == "running")
    agent.wait_until(lambda row: row.restart_count == 0)
    [note] = [c for c in agent.history() if "healthy" in c.reason]
    began = agent.runs()[1].started_at
    assert began is not None
    assert 0.9 <= (note.at - began).total_seconds() <= 1.6


@pytest.mark.parametrize("poison", ["\ud800", "nul\0"])
def test_one_agents_impossible_text_disturbs_no_other(
    cast: Cast, supervisor: Supervisor, poison: str
) -> None:
    """No door lets it in any more, but a row may be older than the door."""
    healthy = cast("wait").start()
    bad = cast("wait", name="bad")
    Agent.objects.filter(pk=bad.row.pk).update(command=["/bin/echo", poison])
    asked = bad.ask(Action.START)
    assert bad.settled(asked).outcome == "failed"
    assert bad.wait_for(Status.CRASHED).status_reason
    healthy.settled(healthy.ask(Action.START))
    adoptions = [c for c in healthy.history() if c.source == "adoption"]
    assert adoptions == [], "The supervisor had to start anew."
