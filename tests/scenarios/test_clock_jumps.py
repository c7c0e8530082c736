"""Scenario 23: the wall clock is set an hour on or back, and no delay notices.

The machine's own clock cannot be set for a test: others live by it. What this process
reads as the time of day is moved instead, and the manager runs in this process.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from agents.models import Node
from agents.policy.states import Action, Status
from agents.services import nodes
from tests.harness.supervisor import Cast, Supervisor, seconds_since
from tests.harness.waiting import until

Jump = Callable[[], None]


@pytest.fixture(params=[3600, -3600], ids=["an-hour-on", "an-hour-back"])
def jump(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Jump:
    """Sets the time of day, as this process sees it."""
    seconds, now, clock = request.param, timezone.now, time.time

    def later() -> datetime:
        return now() + timedelta(seconds=seconds)

    def set_the_clock() -> None:
        monkeypatch.setattr(timezone, "now", later)
        monkeypatch.setattr(time, "time", lambda: clock() + seconds)

    return set_the_clock


def test_23_a_clock_jump_during_the_back_off_changes_no_delay(
    supervisor: Supervisor, cast: Cast, jump: Jump
) -> None:
    agent = cast("end", "1", backoff_initial=1.0, backoff_max=1.0, max_restarts=1)
    agent.ask(Action.START)
    agent.wait_for(Status.BACKOFF)
    begun = time.monotonic()
    jump()
    agent.wait_for(Status.CRASHED)
    assert 0.7 <= seconds_since(begun) <= 1.9
    assert len(agent.noted()) == 2


def test_23_a_clock_jump_during_a_stop_changes_no_grace(
    supervisor: Supervisor, cast: Cast, jump: Jump
) -> None:
    agent = cast("stubborn", stop_grace=1.0).start_ready()
    begun = time.monotonic()
    agent.ask(Action.STOP)
    agent.wait_for(Status.STOPPING)
    jump()
    agent.wait_for(Status.STOPPED)
    assert 0.9 <= seconds_since(begun) <= 1.6
    assert agent.alive() == []


def test_23_a_clock_jump_while_it_starts_keeps_nothing_waiting(
    supervisor: Supervisor, cast: Cast, jump: Jump
) -> None:
    agent = cast("wait")
    asked = agent.ask(Action.START)
    jump()
    assert agent.settled(asked, timeout=3).outcome == "done"
    assert agent.settled(agent.ask(Action.RESTART), timeout=3).outcome == "done"
    agent.stop(timeout=3)
    assert agent.alive() == []


def test_23_a_clock_jump_neither_empties_nor_fills_the_restart_window(
    supervisor: Supervisor, cast: Cast, jump: Jump
) -> None:
    agent = cast("end", "1", "0.1", max_restarts=3, restart_window=60)
    agent.ask(Action.START)
    agent.wait_until(lambda row: row.restart_count == 1)
    jump()
    row = agent.wait_for(Status.CRASHED)
    assert row.restart_count == 3
    assert len(agent.noted()) == 4


def test_23_a_clock_jump_while_no_hub_runs_changes_neither_delay_nor_healthy_time(
    supervisor: Supervisor, cast: Cast, jump: Jump
) -> None:
    waiting = cast("end", "1", backoff_initial=1.5, backoff_max=1.5, max_restarts=1)
    waiting.ask(Action.START)
    healthy = cast("wait", healthy_after=1.5).start_ready()
    os.kill(healthy.noted()[0], signal.SIGKILL)
    healthy.wait_until(lambda row: row.restart_count == 1 and row.status == "running")
    begun = time.monotonic()
    waiting.wait_for(Status.BACKOFF)
    supervisor.close()
    jump()
    supervisor.start()
    assert healthy.look().restart_count == 1
    healthy.wait_until(lambda row: row.restart_count == 0)
    assert 1.3 <= seconds_since(begun) <= 2.5
    waiting.wait_for(Status.CRASHED)
    assert len(waiting.noted()) == 2


def test_23_a_clock_jump_makes_no_supervisor_silent(
    supervisor: Supervisor, cast: Cast, jump: Jump
) -> None:
    agent = cast("wait").start()
    jump()
    assert nodes.mark_silent() == 0
    assert nodes.is_supervised()
    assert agent.look().status == Status.RUNNING
    # And one that has gone is missed as soon as ever, whatever the clock says.
    supervisor.close()
    assert nodes.mark_silent() == 1
    assert agent.look().status == Status.UNKNOWN


def test_23_a_lease_from_before_a_clock_jump_ends_in_time(
    supervisor: Supervisor, jump: Jump, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a supervisor that was killed: nobody renews it."""
    monkeypatch.setattr(nodes, "LEASE", timedelta(seconds=0.5))
    node = Node.objects.get()
    assert nodes.renew(node.name, node.epoch)
    begun = time.monotonic()
    jump()
    until(lambda: not nodes.is_supervised(), what="the lease to end")
    assert 0.3 <= seconds_since(begun) <= 1.5
