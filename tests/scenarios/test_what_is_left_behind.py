"""Scenarios 10 and 11: a program's end is its own, whoever still holds its output."""

from __future__ import annotations

import re
import time

import pytest

from agents.policy.states import Action, Status
from tests.harness.supervisor import Cast
from tests.harness.waiting import until

pytestmark = pytest.mark.usefixtures("supervisor")


def test_10_a_grandchild_that_outlives_its_program_is_shown_and_ended_before_a_restart(
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


def test_10_a_daemon_left_behind_by_a_completed_program_is_ended_too(
    cast: Cast,
) -> None:
    agent = cast("leave_daemon", "0", stop_grace=0.5)
    agent.settled(agent.ask(Action.START))
    row = agent.wait_for(Status.STOPPED)
    assert agent.alive() == []
    assert row.status_reason == "completed: exited with 0"


def test_11_a_program_that_closes_its_streams_runs_on(cast: Cast) -> None:
    agent = cast("deaf").start()
    until(lambda: agent.noted("deaf"), what="the streams to be closed")
    assert agent.settled(agent.ask(Action.START)).outcome == "done"
    assert agent.look().status == Status.RUNNING
    assert len(agent.noted()) == 1


def test_10_an_exit_is_recorded_at_once_though_a_grandchild_holds_the_output(
    cast: Cast,
) -> None:
    """It ignores TERM in a session of its own, and the whole grace is left to it."""
    code = (
        'echo leader $$ >> $MARKER; setsid sh -c \'trap "" TERM; '
        "echo child $$ >> $MARKER; while :; do echo alive; sleep 0.05; done' & "
        # Only when the grandchild is deaf already does its deafness count.
        "until grep -q child $MARKER; do sleep 0.01; done; exit 5"
    )
    command = ["/bin/sh", "-c", code]
    agent = cast.command(command, name="held", auto_restart="never", stop_grace=1.5)
    agent.ask(Action.START)
    until(lambda: agent.runs() and agent.runs()[0].exit_code == 5, what="the exit")
    assert agent.look().status == Status.STOPPING
    # The grandchild, and now and then the sleep that it has just started.
    told = [c.reason for c in agent.history() if c.to_status == Status.STOPPING]
    assert re.match(r"exited with 5; (1 process|2 processes) of its tree", told[0])
    run = agent.runs()[0]
    assert run.ended_at is None and run.exited_at is not None
    agent.wait_for(Status.CRASHED)
    assert agent.alive() == []


@pytest.mark.parametrize("descriptors", [("0",), ("1", "2"), ("0", "1", "2")])
def test_11_a_program_that_closes_its_streams_costs_nothing(
    cast: Cast, descriptors: tuple[str, ...]
) -> None:
    agent = cast("deaf", *descriptors).start()
    until(lambda: agent.noted("deaf"), what="the streams to be closed")
    agent.settled(agent.ask(Action.START))
    before = time.process_time()
    time.sleep(1.0)  # The time in which the supervisor's use of CPU is measured.
    assert time.process_time() - before < 0.15
    assert agent.look().status == Status.RUNNING
    assert len(agent.noted()) == 1
