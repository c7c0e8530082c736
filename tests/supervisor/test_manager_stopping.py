"""Stopping: the whole tree, within the grace, and stop always wins."""

from __future__ import annotations

import os
import signal
import time

import pytest

from agents.policy.states import Action, Status
from agents.services import lifecycle
from agents.services.lifecycle import Asker
from tests.harness.supervisor import Cast, Supervisor
from tests.harness.waiting import until

pytestmark = pytest.mark.usefixtures("supervisor")


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


def test_what_left_the_group_is_asked_politely_first(cast: Cast) -> None:
    agent = cast("shy_child", stop_grace=5).start_ready()
    begun = time.monotonic()
    agent.stop()
    assert time.monotonic() - begun < 2
    assert agent.noted("asked") == agent.noted("child")


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


def test_who_does_not_end_keeps_nobody_from_being_seen_as_stopped(cast: Cast) -> None:
    """The deaths of those that are stopped together are told of together."""
    stubborn = cast("stubborn", stop_grace=60).start_ready()
    others = [cast("wait", name=f"other-{n}").start() for n in range(5)]
    asker = Asker("bob", "test")
    pks = [agent.row.pk for agent in (stubborn, *others)]
    lifecycle.ask(Action.STOP, pks, asker)
    for agent in others:
        agent.wait_for(Status.STOPPED)
    assert stubborn.alive()
    lifecycle.ask(Action.KILL, [stubborn.row.pk], asker)
    stubborn.wait_for(Status.STOPPED)


def test_who_crashes_while_others_are_being_stopped_is_restarted(cast: Cast) -> None:
    stubborn = cast("stubborn", stop_grace=60).start_ready()
    crashing = cast("wait", name="crashing").start()
    lifecycle.ask(Action.STOP, [stubborn.row.pk], Asker("bob", "test"))
    stubborn.wait_for(Status.STOPPING)
    os.kill(crashing.alive()[0], signal.SIGKILL)
    until(lambda: len(crashing.runs()) == 2, what="a second run")
    lifecycle.ask(Action.KILL, [stubborn.row.pk], Asker("bob", "test"))
    stubborn.wait_for(Status.STOPPED)
