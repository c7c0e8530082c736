"""Stopping: the whole tree, within the grace, and stop always wins."""

from __future__ import annotations

import time

import pytest

from agents.policy.states import Action, Status
from tests.harness.processes import lives
from tests.harness.supervisor import Cast, Supervisor
from tests.harness.waiting import until

pytestmark = pytest.mark.usefixtures("supervisor")


def test_who_ignores_the_signal_is_killed_when_the_grace_is_over(cast: Cast) -> None:
    agent = cast("stubborn", stop_grace=1.2).start_ready()
    begun = time.monotonic()
    agent.stop()
    took = time.monotonic() - begun
    assert 1.2 <= took <= 1.7
    assert agent.alive() == []
    assert agent.runs()[0].exit_code == 137
    told = [c.reason for c in agent.history() if c.to_status == "stopping"]
    assert told[0].endswith("TERM sent, 1.2 s to end")
    assert told[1].endswith("still alive after 1.2 s; KILL sent")


def test_the_agents_own_stop_signal_is_sent(cast: Cast) -> None:
    code = (
        "trap 'echo interrupted; exit 4' INT; echo ready; while :; do sleep 0.05; done"
    )
    agent = cast.command(["/bin/sh", "-c", code], name="polite", stop_signal="INT")
    agent.ask(Action.START)
    until(lambda: agent.runs() and "ready" in agent.output(), what="readiness")
    agent.stop()
    assert "interrupted" in agent.output()
    assert agent.runs()[0].exit_code == 4


def test_kill_as_the_stop_signal_waits_for_nothing(cast: Cast) -> None:
    agent = cast("stubborn", stop_signal="KILL", stop_grace=60).start_ready()
    agent.stop(timeout=3)
    assert agent.alive() == []


def test_stopped_is_said_when_the_last_of_the_group_is_gone(cast: Cast) -> None:
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


@pytest.mark.parametrize("mode", ["setsid_child", "daemon"])
def test_what_left_the_group_is_gone_after_a_stop(cast: Cast, mode: str) -> None:
    agent = cast(mode).start_ready()
    assert len(agent.alive()) == 2
    agent.stop()
    assert agent.alive() == []


def test_what_left_the_group_is_asked_politely_first(cast: Cast) -> None:
    agent = cast("shy_child", stop_grace=5).start_ready()
    begun = time.monotonic()
    agent.stop()
    assert time.monotonic() - begun < 2
    assert agent.noted("asked") == agent.noted("child")


def test_survivors_of_a_programs_own_death_are_shown_and_ended_before_a_restart(
    cast: Cast,
) -> None:
    agent = cast("leave_child", "5", max_restarts=1, stop_grace=0.5)
    agent.ask(Action.START)
    agent.wait_for(Status.CRASHED)
    assert agent.alive() == []
    shown = [c.reason for c in agent.history() if "of its tree still alive" in c.reason]
    assert shown[0].startswith("exited with 5; 1 process of its tree still alive")
    first, second = agent.runs()
    assert first.exit_code == second.exit_code == 5
    assert first.exited_at is not None
    assert first.ended_at is not None
    assert first.exited_at <= first.ended_at <= second.created_at


def test_a_daemon_left_behind_by_a_completed_program_is_ended_too(cast: Cast) -> None:
    agent = cast("leave_daemon", "0", stop_grace=0.5)
    agent.settled(agent.ask(Action.START))
    row = agent.wait_for(Status.STOPPED)
    assert agent.alive() == []
    assert row.status_reason == "completed: exited with 0"


def test_who_ends_before_it_was_seen_to_run_and_leaves_a_child_is_restarted_by_policy(
    cast: Cast,
) -> None:
    """Not at once and for ever, as if its end had been asked for."""
    code = "echo leader $$ >> $MARKER; setsid sleep 60 & exit 1"
    agents = [
        cast.command(["/bin/sh", "-c", code], name=f"hasty-{n}", max_restarts=2)
        for n in range(15)
    ]
    asked = [(agent, agent.ask(Action.START)) for agent in agents]
    for agent, one in asked:
        agent.wait_for(Status.CRASHED)
        assert len(agent.noted()) == 3
        assert agent.settled(one).outcome == "failed"


def test_a_stop_during_the_back_off_wins(cast: Cast) -> None:
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


def test_a_stop_right_after_a_start_wins(cast: Cast) -> None:
    agent = cast("wait")
    for _ in range(5):
        agent.ask(Action.START)
        asked = agent.ask(Action.STOP)
        assert agent.settled(asked).outcome == "done"
        assert agent.look().status == Status.STOPPED
        assert agent.alive() == []


def test_a_stop_while_it_starts_wins(cast: Cast) -> None:
    agent = cast("wait")
    agent.ask(Action.START)
    until(agent.runs, every=0.001, what="the run to begin")
    agent.stop()
    assert agent.alive() == []
    assert len(agent.runs()) == 1


def test_a_stop_during_a_stop_is_the_same_wish(cast: Cast) -> None:
    agent = cast("slow", "0.4", stop_grace=5).start_ready()
    first, second = agent.ask(Action.STOP), agent.ask(Action.STOP)
    assert agent.settled(second).outcome == "done"
    assert agent.settled(first).outcome in ("superseded", "done")
    assert len(agent.noted("asked")) == 1


def test_a_stop_during_a_restart_wins(cast: Cast) -> None:
    agent = cast("slow", "0.4", stop_grace=5).start_ready()
    restart = agent.ask(Action.RESTART)
    agent.wait_for(Status.STOPPING)
    stop = agent.ask(Action.STOP)
    assert agent.settled(stop).outcome == "done"
    assert agent.settled(restart).outcome == "superseded"
    assert agent.look().status == Status.STOPPED
    assert len(agent.noted()) == 1
    assert agent.alive() == []


def test_a_start_during_a_slow_stop_makes_exactly_two_incarnations(
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


def test_twenty_agents_restart_at_once_without_a_twin(cast: Cast) -> None:
    agents = [cast("wait", name=f"one-of-{n}").start() for n in range(20)]
    for agent in agents:
        agent.settled(agent.asked[0])
    asked = [(agent, agent.ask(Action.RESTART)) for agent in agents]
    for agent, one in asked:
        assert agent.settled(one).outcome == "done"
    for agent in agents:
        until(lambda agent=agent: len(agent.noted()) == 2, what="the new program")  # type: ignore[misc]
        assert agent.alive() == [agent.noted()[1]]


def test_the_loop_answers_while_trees_are_being_stopped(
    cast: Cast, supervisor: Supervisor
) -> None:
    agents = [cast("stubborn", name=f"stubborn-{n}", stop_grace=0.5) for n in range(15)]
    for agent in agents:
        agent.start()
    for agent in agents:
        agent.ask(Action.STOP)
    slowest = 0.0
    while any(agent.look().status != Status.STOPPED for agent in agents):
        begun = time.monotonic()
        supervisor.on_loop(supervisor.manager.get_summary)
        slowest = max(slowest, time.monotonic() - begun)
    assert slowest < 0.25
