"""A supervisor under hardship: a locked database, no descriptors, many deaths."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from agents.policy.states import Action, Status
from agents.supervisor import sampler
from tests.harness.processes import run_python, state_of
from tests.harness.supervisor import Cast, Supervisor, descriptors, threads
from tests.harness.waiting import until


@contextmanager
def locked_database(seconds: float) -> Iterator[None]:
    """Another process writes and does not end, for so long."""
    code = (
        "import sqlite3, time\n"
        f"db = sqlite3.connect({str(connection.settings_dict['NAME'])!r})\n"
        "db.execute('BEGIN IMMEDIATE')\n"
        f"time.sleep({seconds})\n"
        "db.rollback()\n"
    )
    holder = threading.Thread(target=run_python, args=(code,))
    holder.start()
    until(is_locked, what="the lock")
    yield
    holder.join()


def is_locked() -> bool:
    database = sqlite3.connect(str(connection.settings_dict["NAME"]), timeout=0)
    try:
        database.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return True
    finally:
        database.close()
    return False


def test_a_locked_database_loses_no_exit_and_no_request(
    supervisor: Supervisor, cast: Cast
) -> None:
    dying = cast("wait", name="dying", auto_restart="never").start_ready()
    asked = cast("wait", name="asked")
    with locked_database(2.0):
        os.kill(dying.noted()[0], signal.SIGTERM)
        # The request waits for the lock as well, and is recorded after it.
        request = asked.ask(Action.START)
    assert asked.settled(request).outcome == "done"
    row = dying.wait_for(Status.CRASHED)
    assert "ended by signal TERM" in row.status_reason
    assert dying.runs()[0].exit_code == 143
    assert len(asked.noted()) == 1


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


def test_a_database_that_fails_is_waited_for(
    supervisor: Supervisor, cast: Cast, caplog: pytest.LogCaptureFixture
) -> None:
    agent = cast("wait")
    cursor = connection.cursor()
    cursor.execute("ALTER TABLE agents_statuschange RENAME TO away")
    try:
        asked = agent.ask(Action.START)
        until(lambda: "does not answer" in caplog.text, what="the complaint")
        assert agent.noted() == [], "spawned before it was recorded"
    finally:
        cursor.execute("ALTER TABLE away RENAME TO agents_statuschange")
    assert agent.settled(asked).outcome == "done"
    assert "the database answers again" in caplog.text
    assert len(agent.noted()) == 1


@contextmanager
def no_descriptors() -> Iterator[None]:
    """Every descriptor that this process may have is in use."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(int(name) for name in os.listdir("/proc/self/fd"))
    taken = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 1, before[1]))
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(1))
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_without_descriptors_a_spawn_is_tried_later(
    supervisor: Supervisor, cast: Cast
) -> None:
    healthy, agent = cast("wait").start(), cast("wait", name="later", max_restarts=None)
    healthy.settled(healthy.asked[0])
    with no_descriptors():
        agent.ask(Action.START)
        row = agent.wait_for(Status.BACKOFF)
        assert "Too many open files" in row.status_reason
    agent.wait_for(Status.RUNNING)
    until(agent.noted, what="the program")
    assert len(agent.noted()) == 1
    assert len(healthy.noted()) == 1


def test_a_task_beside_the_supervisor_that_fails_begins_again(
    supervisor: Supervisor, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a sampler that could not open a file: it is not blind from then on."""
    measure = sampler.measure
    failed: list[bool] = []

    def fail_once(*arguments: Any) -> Any:
        if not failed:
            failed.append(True)
            raise OSError(24, "Too many open files")
        return measure(*arguments)

    monkeypatch.setattr(sampler, "measure", fail_once)
    monkeypatch.setattr(sampler, "period", lambda alive: 0.05)
    agent = cast("setsid_child").start_ready()
    agent.wait_until(lambda row: row.processes == 3)
    assert failed
    assert (agent.row.rss_bytes or 0) > 1_000_000


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


def test_starting_and_stopping_leaks_no_descriptor_and_no_thread(
    supervisor: Supervisor, cast: Cast
) -> None:
    agents = [cast("end", "0", name=f"short-{n}") for n in range(10)]
    for agent in agents:
        agent.settled(agent.ask(Action.START))
    before, names = descriptors(), threads()
    for _ in range(5):
        for agent in agents:
            agent.ask(Action.START)
        for agent in agents:
            agent.settled(agent.ask(Action.START))
            agent.wait_for(Status.STOPPED)
    until(lambda: descriptors() <= before, what="the descriptors to be closed")
    assert threads() == names


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
