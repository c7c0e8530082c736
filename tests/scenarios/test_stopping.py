"""Scenarios 8, 9, 17 and 18: the whole tree, within the grace, and stop always wins."""

from __future__ import annotations

import time

import pytest

from agents.policy.states import Action, Status
from tests.harness.processes import lives
from tests.harness.supervisor import Cast
from tests.harness.waiting import until

pytestmark = pytest.mark.usefixtures("supervisor")


def test_08_who_ignores_the_signal_is_killed_when_the_grace_is_over(cast: Cast) -> None:
    agent = cast("stubborn", stop_grace=1.2).start_ready()
    begun = time.monotonic()
    agent.stop()
    took = time.monotonic() - begun
    assert 1.2 <= took <= 3, "the grace, and little more"
    assert agent.alive() == []
    assert agent.runs()[0].exit_code == 137
    told = [c.reason for c in agent.history() if c.to_status == "stopping"]
    assert told[0].endswith("TERM sent, 1.2 s to end")
    assert told[1].endswith("still alive after 1.2 s; KILL sent")


def test_09_stopped_is_said_only_when_the_whole_group_is_gone(cast: Cast) -> None:
    """The leader leaves at once, a child of its group ignores TERM."""
    agent = cast("stubborn_child", stop_grace=0.8).start_ready()
    [leader], [child] = agent.noted(), agent.noted("child")
    agent.ask(Action.STOP)
    until(lambda: not lives(leader), what="the leader's end")
    assert agent.look().status == Status.STOPPING
    assert lives(child)
    agent.wait_for(Status.STOPPED)
    assert not lives(child)
    assert agent.runs()[0].exit_code == 143, "the program's own code"


def test_17_a_stop_right_after_a_start_wins(cast: Cast) -> None:
    agent = cast("wait")
    for _ in range(5):
        agent.ask(Action.START)
        asked = agent.ask(Action.STOP)
        assert agent.settled(asked).outcome == "done"
        assert agent.look().status == Status.STOPPED
        assert agent.alive() == []


def test_17_a_stop_while_it_starts_wins(cast: Cast) -> None:
    agent = cast("wait")
    agent.ask(Action.START)
    until(agent.runs, every=0.001, what="the run to begin")
    agent.stop()
    assert agent.alive() == []
    assert len(agent.runs()) == 1


def test_17_a_stop_during_the_back_off_wins(cast: Cast) -> None:
    agent = cast("end", "1", backoff_initial=60, backoff_max=60)
    agent.ask(Action.START)
    row = agent.wait_for(Status.BACKOFF)
    assert row.retry_at is not None
    asked = agent.ask(Action.STOP)
    assert agent.settled(asked).outcome == "done"
    row = agent.look()
    assert row.status == Status.STOPPED
    assert row.retry_at is None
    assert len(agent.noted()) == 1


def test_17_a_stop_during_a_stop_is_the_same_wish(cast: Cast) -> None:
    agent = cast("slow", "0.4", stop_grace=5).start_ready()
    first, second = agent.ask(Action.STOP), agent.ask(Action.STOP)
    assert agent.settled(second).outcome == "done"
    assert agent.settled(first).outcome in ("superseded", "done")
    assert len(agent.noted("asked")) == 1


def test_17_a_stop_during_a_restart_wins(cast: Cast) -> None:
    agent = cast("slow", "0.4", stop_grace=5).start_ready()
    restart = agent.ask(Action.RESTART)
    agent.wait_for(Status.STOPPING)
    stop = agent.ask(Action.STOP)
    assert agent.settled(stop).outcome == "done"
    assert agent.settled(restart).outcome == "superseded"
    assert agent.look().status == Status.STOPPED
    assert len(agent.noted()) == 1
    assert agent.alive() == []


def test_18_a_start_during_a_slow_stop_makes_exactly_two_incarnations(
    cast: Cast,
) -> None:
    agent = cast("slow", "0.5", stop_grace=5).start_ready()
    agent.ask(Action.STOP)
    until(lambda: agent.noted("asked"), what="the program to be asked")
    asked = agent.ask(Action.START)
    request = agent.settled(asked)
    assert request.outcome == "done"
    assert agent.look().status == Status.RUNNING
    first, second = agent.noted()
    assert agent.alive() == [second]
    assert len(agent.runs()) == 2
    ended, begun = agent.runs()[0].ended_at, agent.runs()[1].started_at
    assert ended is not None
    assert begun is not None
    assert ended <= begun
    assert first != second
