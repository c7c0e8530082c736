"""Scenarios 16 and 19: nothing left to spawn with, and twenty who ask at once."""

from __future__ import annotations

import asyncio
import threading

import pytest
from django.db import connection

from agents.models import Request
from agents.policy.states import Action
from tests.harness.processes import run_python
from tests.harness.supervisor import Actor, Cast, Supervisor
from tests.harness.waiting import until

# Twenty processes that are ready before the first of them asks.
TWENTY_PROCESSES = """
import os, sys
from django.conf import settings
settings.DATABASES["default"]["NAME"] = {database!r}
from agents.policy.states import Action
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
