"""A supervisor under hardship: a locked database, no descriptors, many deaths."""

from __future__ import annotations

import os
import signal
import time

import pytest
from django.db import OperationalError

from agents.policy.states import Action, Status
from agents.supervisor import store
from tests.harness.hardship import is_locked, locked_database
from tests.harness.processes import state_of
from tests.harness.supervisor import Cast, Supervisor, descriptors, threads
from tests.harness.waiting import until


def test_the_loop_answers_while_the_database_is_locked(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = cast("wait").start()
    with locked_database(1.0):
        os.kill(agent.look().pid or 0, signal.SIGKILL)
        slowest = 0.0
        while is_locked():
            begun = time.monotonic()
            supervisor.on_loop(supervisor.manager.get_summary)
            slowest = max(slowest, time.monotonic() - begun)
    assert slowest < 0.25
    agent.wait_until(lambda row: row.restarts_total == 1 and row.status == "running")


def test_a_request_whose_reading_fails_is_read_again(
    supervisor: Supervisor, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database fails after it has said what is new, before all of it is read."""
    agent, read = cast("wait"), store.agent_records
    failed: list[bool] = []

    def fail_once(*args: object) -> object:
        if not failed:
            failed.append(True)
            raise OperationalError("the disk has a moment of weakness")
        return read(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "agent_records", fail_once)
    request = agent.ask(Action.START)
    assert agent.settled(request).outcome == "done"
    assert failed


def test_a_daemon_that_dies_leaves_no_zombie_while_its_agent_runs(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = cast("short_daemons", "10").start_ready()
    until(lambda: len(agent.noted("daemon")) == 10, what="the daemons")
    until(
        lambda: all(state_of(pid) == "" for pid in agent.noted("daemon")),
        what="the daemons to be reaped",
        timeout=5,
    )
    assert agent.look().status == Status.RUNNING


def test_a_closed_supervisor_leaves_no_thread_and_no_descriptor(
    idle: Supervisor, cast: Cast
) -> None:
    cast("wait")
    idle.start()  # What is made once and kept is there after this.
    idle.close()
    before, names = descriptors(), threads()
    for _ in range(3):
        idle.start()
        idle.close()
    until(lambda: threads() <= names, what="the threads to end")
    assert descriptors() <= before


def test_a_storm_of_crashes_does_not_silence_the_loop(
    supervisor: Supervisor, cast: Cast
) -> None:
    storm = [
        cast.command(
            ["/bin/sh", "-c", "exit 1"],
            name=f"storm-{n}",
            backoff_initial=0,
            backoff_max=0,
            max_restarts=10,
        )
        for n in range(40)
    ]
    healthy = cast("wait").start()
    for agent in storm:
        agent.ask(Action.START)
    slowest = 0.0
    while any(agent.look().status != Status.CRASHED for agent in storm):
        begun = time.monotonic()
        supervisor.on_loop(supervisor.manager.get_summary)
        slowest = max(slowest, time.monotonic() - begun)
    assert slowest < 0.25
    assert all(len(agent.runs()) == 11 for agent in storm)
    assert len(healthy.noted()) == 1
