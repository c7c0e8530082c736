"""Scenarios 16 and 19: nothing left to spawn with, and twenty who ask at once."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from agents.models import Agent, Request, Run
from agents.policy.states import Action, Status
from agents.services import lifecycle
from tests.harness.hardship import no_descriptors
from tests.harness.hub import HubProcess
from tests.harness.processes import run_python
from tests.harness.supervisor import TEST, Actor, Cast, Supervisor, descriptors, threads
from tests.harness.waiting import until

# Twenty processes that are ready before the first of them asks.
TWENTY_PROCESSES = """
import os, sys
from django.conf import settings
settings.DATABASES["default"]["NAME"] = {database!r}
from agents.policy.states import Action, Status
from agents.services import lifecycle
from agents.services import lifecycle
children, (reading, writing) = [], os.pipe()
for number in range(20):
    pid = os.fork()
    if pid == 0:
        os.close(writing)
        os.read(reading, 1)
        asker = lifecycle.Asker("process %d" % number, "test")
        os._exit(0 if lifecycle.ask(Action.RESTART, [{agent}], asker) else 1)
    children.append(pid)
os.close(writing)
codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
sys.exit(any(codes))
"""


@pytest.fixture
def started(supervisor: Supervisor, cast: Cast) -> Actor:
    """An agent whose start has an outcome."""
    agent = cast("wait").start_ready()
    agent.settled(agent.asked[0])
    return agent


def is_one_new_process(agent: Actor) -> bool:
    """Nobody was refused, and there were two processes ever."""
    requests = Request.objects.filter(agent=agent.row, action=Action.RESTART)
    until(lambda: not requests.filter(outcome="").exists(), what="twenty outcomes")
    assert set(requests.values_list("outcome", flat=True)) <= {"done", "superseded"}
    until(lambda: len(agent.noted()) >= 2, what="the new program")
    assert requests.count() == 20
    assert len(agent.noted()) == len(agent.runs()) == 2
    return agent.alive() == [agent.noted()[1]]


def test_19_twenty_restarts_at_once_make_exactly_one_new_process(
    started: Actor, supervisor: Supervisor
) -> None:
    restart = supervisor.manager.restart_agent

    async def twenty() -> list[bool]:
        return await asyncio.gather(*(restart(started.row.pk) for _ in range(20)))

    answers = supervisor.call(twenty())
    # The last one was done; the others say that it took their place.
    assert answers[-1]
    assert is_one_new_process(started)


@pytest.mark.parametrize("_", range(3))
def test_19_restarts_from_twenty_threads_make_exactly_one_new_process(
    started: Actor, _: int
) -> None:
    """They queue for the database: the last is written after the first is done."""
    gate = threading.Barrier(20)

    def ask() -> None:
        try:
            gate.wait(10)
            started.ask(Action.RESTART)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert is_one_new_process(started)


def test_19_restarts_from_twenty_processes_make_exactly_one_new_process(
    started: Actor,
) -> None:
    done = run_python(
        TWENTY_PROCESSES.format(
            database=str(connection.settings_dict["NAME"]), agent=started.row.pk
        )
    )
    assert done.returncode == 0, done.stderr
    assert is_one_new_process(started)


def test_19_a_restart_asked_after_the_outcome_of_another_is_a_new_one(
    started: Actor,
) -> None:
    for count in (2, 3):
        assert started.settled(started.ask(Action.RESTART)).outcome == "done"
        until(lambda count=count: len(started.noted()) == count, what="a new program")  # type: ignore[misc]
    assert len(started.alive()) == 1


def test_16_without_descriptors_a_spawn_is_tried_later(
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


# Root may have any number of processes, whatever its limit: the hub becomes a user of
# this number in the kernel's counting, with a limit and without the right to exceed it.
SOMEBODY = 54321
MOST = 250
DROPPED = "-sys_resource,-sys_admin"
AS_SOMEBODY = (
    *("setpriv", f"--ruid={SOMEBODY}"),
    *(f"--bounding-set={DROPPED}", f"--inh-caps={DROPPED}"),
)
CROWD = f"""
import os, signal
for _ in range({MOST}):
    if os.fork() == 0:
        signal.pause()
print("here", flush=True)
signal.pause()
"""


@contextmanager
def no_processes(hub: HubProcess) -> Iterator[None]:
    """The hub's user has as many processes as the hub's limit allows, and more."""
    if os.getuid() != 0:
        before = resource.prlimit(hub.pid, resource.RLIMIT_NPROC)
        resource.prlimit(hub.pid, resource.RLIMIT_NPROC, (1, before[1]))
        yield
        resource.prlimit(hub.pid, resource.RLIMIT_NPROC, before)
        return
    command = [*AS_SOMEBODY, sys.executable, "-c", CROWD]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, start_new_session=True
    ) as crowd:
        assert crowd.stdout is not None
        assert crowd.stdout.readline() == b"here\n"
        yield
        os.killpg(crowd.pid, signal.SIGKILL)


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[HubProcess]:
    """A real hub whose user may not have any number of processes."""
    under = ("prlimit", f"--nproc={MOST}", *AS_SOMEBODY) if os.getuid() == 0 else ()
    hub = HubProcess(tmp_path, under=under)
    try:
        yield hub.start()
    finally:
        hub.close()


def test_16_without_processes_a_spawn_is_tried_later(
    limited: HubProcess, tmp_path: Path
) -> None:
    path = tmp_path / "agents.json"
    setup: dict[str, Any] = {
        "name": "later",
        "command": ["/bin/sleep", "60"],
        "cwd": "/",
    }
    setup |= {"backoff_initial": 1, "backoff_max": 1}
    path.write_text(json.dumps({"agents": [setup]}))
    assert limited.agents("import", str(path)).returncode == 0
    row_of = partial(limited.row, "later")
    # Once before, so that what is made once and kept is there.
    assert limited.agents("start", "later", "--wait", "10").returncode == 0
    assert limited.agents("stop", "later", "--wait", "10").returncode == 0
    before = descriptors(limited.pid)
    with no_processes(limited):
        assert limited.agents("start", "later").returncode == 0
        row = until(
            lambda: found if (found := row_of())["status"] == "backoff" else None,
            what="the back-off",
        )
        assert "Resource temporarily unavailable (errno 11)" in row["status_reason"]
        assert row["retry_at"] is not None
        assert descriptors(limited.pid) == before
    until(lambda: row_of()["status"] == "running", what="the later start")
    assert limited.agents("stop", "later", "--wait", "10").returncode == 0
    until(lambda: descriptors(limited.pid) == before, what="the same descriptors")


@pytest.mark.parametrize("rounds", [5, pytest.param(50, marks=pytest.mark.full)])
def test_16_cycles_of_start_and_stop_leak_no_descriptor_and_no_thread(
    supervisor: Supervisor, cast: Cast, rounds: int
) -> None:
    """Twenty agents, so a hundred cycles, or a thousand in the full form."""
    agents = [cast.command(["sleep", "60"], name=f"cycle-{n}") for n in range(20)]

    def cycle() -> None:
        for action, status in (
            (Action.START, Status.RUNNING),
            (Action.STOP, Status.STOPPED),
        ):
            lifecycle.ask(action, [agent.row.pk for agent in agents], TEST)
            found = Agent.objects.filter(status=status)
            until(lambda found=found: found.count() == 20, what=status)  # type: ignore[misc]

    cycle()
    before, names = descriptors(), threads()
    for _ in range(rounds):
        cycle()
    until(lambda: descriptors() == before, what="the same descriptors")
    assert threads() == names
    assert Run.objects.count() == 20 * (rounds + 1)
