"""What a program may ask of the ProcessManager, and what it answers from memory."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from agents.models import Agent, Node, Request
from agents.policy.states import Action, Status
from agents.services import bell
from agents.services.presence import is_held
from agents.supervisor import (
    ProcessManager,
    get_process_manager,
    reset_process_manager,
    set_process_manager,
)
from agents.supervisor.lock import Held
from tests.harness.supervisor import Cast, Supervisor
from tests.harness.waiting import until


def test_start_and_stop_answer_when_it_is_so(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent, manager = cast("wait"), supervisor.manager
    assert supervisor.call(manager.start_agent(agent.row.pk))
    assert agent.look().status == Status.RUNNING
    assert supervisor.call(manager.stop_agent(agent.row.pk))
    assert agent.look().status == Status.STOPPED
    assert agent.alive() == []
    assert [(r.action, r.actor, r.via, r.outcome) for r in requests(agent.row)] == [
        ("start", "program", "python", "done"),
        ("stop", "program", "python", "done"),
    ]


def requests(agent: Agent) -> list[Request]:
    return list(Request.objects.filter(agent=agent).order_by("pk"))


def test_a_start_that_fails_answers_false(supervisor: Supervisor, cast: Cast) -> None:
    crashing = cast("end", "1", auto_restart="never")
    missing = cast.command(["/no/such/program"], name="missing")
    assert not supervisor.call(supervisor.manager.start_agent(crashing.row.pk))
    assert not supervisor.call(supervisor.manager.start_agent(missing.row.pk))


def test_a_program_that_completes_at_once_was_started(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = cast("end", "0")
    assert supervisor.call(supervisor.manager.start_agent(agent.row.pk))


def test_a_start_of_what_runs_is_true_and_changes_nothing(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = cast("wait").start()
    pid = agent.look().pid
    assert supervisor.call(supervisor.manager.start_agent(agent.row.pk))
    assert agent.look().pid == pid


def test_restart_answers_when_the_new_one_runs(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = cast("wait").start_ready()
    first = agent.look().pid
    agent.settled(agent.asked[0])
    assert supervisor.call(supervisor.manager.restart_agent(agent.row.pk))
    assert agent.look().status == Status.RUNNING
    assert agent.row.pid != first


def test_an_ungraceful_stop_is_a_kill(supervisor: Supervisor, cast: Cast) -> None:
    agent = cast("stubborn", stop_grace=60).start_ready()
    stop = supervisor.manager.stop_agent(agent.row.pk, graceful=False)
    assert supervisor.call(stop, timeout=5)
    assert agent.alive() == []
    assert requests(agent.row)[-1].action == "kill"


def test_an_unknown_agent_is_false_and_none(supervisor: Supervisor) -> None:
    manager = supervisor.manager
    assert not supervisor.call(manager.start_agent(999_999))
    assert not supervisor.call(manager.stop_agent(999_999))
    assert not supervisor.call(manager.restart_agent(999_999))
    assert supervisor.on_loop(lambda: manager.get_agent_status(999_999)) is None


def test_memory_answers_without_a_query(supervisor: Supervisor, cast: Cast) -> None:
    running, stopped = cast("wait").start(), cast("wait", name="stopped")
    manager = supervisor.manager
    until(
        lambda: supervisor.on_loop(lambda: manager.get_agent_status(stopped.row.pk)),
        what="the second agent to be known",
    )

    def look() -> tuple[object, ...]:
        # The loop's thread has no connection of its own until somebody queries.
        seen = (
            manager.get_summary(),
            manager.get_running_agents(),
            manager.get_agent_status(running.row.pk),
            manager.get_all_agents(),
        )
        assert connection.connection is None, "the database was asked"
        return seen

    summary, names, status, everything = supervisor.on_loop(look)
    counts = dict.fromkeys([status.value for status in Status], 0)
    assert summary == {
        "total_agents": 2,
        "running_agents": 1,
        "running_agent_names": ["wait"],
        "status_counts": {**counts, "running": 1, "stopped": 1},
        "supervisor_running": True,
        "degraded": None,
    }
    assert names == ["wait"]
    row = running.look()
    assert isinstance(status, dict)
    assert (status["name"], status["status"], status["pid"]) == (
        "wait",
        "running",
        row.pid,
    )
    assert isinstance(everything, list)
    assert {one["name"] for one in everything} == {"wait", "stopped"}


def test_shutdown_stops_everything_and_a_close_nothing(
    supervisor: Supervisor, cast: Cast
) -> None:
    agents = [cast("setsid_child", name=f"child-{n}").start_ready() for n in range(4)]
    waiting = cast("end", "1", backoff_initial=60, backoff_max=60, name="waiting")
    waiting.ask(Action.START)
    waiting.wait_for(Status.BACKOFF)
    supervisor.close()
    assert all(len(agent.alive()) == 2 for agent in agents)
    supervisor.start()
    supervisor.call(supervisor.manager.shutdown_all())
    for agent in [*agents, waiting]:
        assert agent.look().status == Status.STOPPED
        assert agent.row.desired_state == "stopped"
        assert agent.alive() == []


def test_shutdown_returns_only_when_the_end_is_written_down(
    supervisor: Supervisor, cast: Cast
) -> None:
    """What the memory knows already may still wait for the database."""
    agent = cast("stubborn", stop_grace=60.0).start_ready()
    manager = supervisor.manager
    ending = supervisor.begin(manager.shutdown_all())
    agent.wait_for(Status.STOPPING)
    with database_held():
        os.kill(agent.noted()[0], signal.SIGKILL)
        until(
            lambda: sight_of(manager, agent.row.pk)["status"] == "stopped",
            what="the memory to know",
        )
        with pytest.raises(TimeoutError):
            ending.result(0.3)
        assert agent.look().status == Status.STOPPING
    ending.result(10)
    assert agent.look().status == Status.STOPPED


def sight_of(manager: ProcessManager, agent_id: int) -> dict[str, object]:
    seen = manager.get_agent_status(agent_id)
    assert seen is not None
    return seen


@contextmanager
def database_held() -> Iterator[None]:
    """Another connection writes, and does not end, while the test looks."""
    holder = sqlite3.connect(str(connection.settings_dict["NAME"]))
    holder.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        holder.rollback()
        holder.close()


def test_health_tells_who_is_wanted_and_alive(
    supervisor: Supervisor, cast: Cast
) -> None:
    cast("wait").start()
    cast("wait", name="idle")
    crashed = cast("end", "1", auto_restart="never", name="crashed")
    crashed.settled(crashed.ask(Action.START))
    crashed.wait_for(Status.CRASHED)
    health = supervisor.call(supervisor.manager.monitor_agent_health())
    assert health == {"wait": True, "crashed": False}
    assert supervisor.manager.last_health == health


def test_the_monitor_looks_until_it_is_stopped(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent, manager = cast("wait", auto_restart="never").start(), supervisor.manager
    supervisor.call(manager.start_monitor(interval=0.02))
    until(lambda: manager.last_health == {"wait": True}, what="a look")
    os.kill(agent.look().pid or 0, signal.SIGKILL)
    until(lambda: manager.last_health == {"wait": False}, what="another look")
    supervisor.call(manager.stop_monitor())
    supervisor.call(manager.stop_monitor())
    manager.last_health = {}
    agent.ask(Action.START)
    agent.wait_until(lambda row: row.status == Status.RUNNING and row.generation == 2)
    assert manager.last_health == {}


def test_running_twice_is_running_once(supervisor: Supervisor) -> None:
    async def both() -> None:
        running = supervisor.manager.ensure_running
        await asyncio.gather(running(), running(), running())

    epoch = Node.objects.get().epoch
    supervisor.call(both())
    assert Node.objects.get().epoch == epoch == 1


def test_a_second_manager_of_the_node_is_refused(supervisor: Supervisor) -> None:
    async def second() -> None:
        other = ProcessManager()
        try:
            await other.ensure_running()
        finally:
            await other.close()

    with pytest.raises(Held, match="already supervised by process"):
        supervisor.call(second())
    assert is_held("local")
    assert supervisor.on_loop(supervisor.manager.get_summary)["supervisor_running"]


def test_the_end_is_told_to_others(supervisor: Supervisor) -> None:
    before = Node.objects.get(name="local")
    assert before.pid == os.getpid()
    assert before.lease is not None
    supervisor.close()
    after = Node.objects.get(name="local")
    assert (after.pid, after.lease) == (None, None)
    assert not is_held("local")


def test_one_manager_for_a_process_until_it_is_reset() -> None:
    reset_process_manager()
    try:
        first = get_process_manager()
        assert get_process_manager() is first
        reset_process_manager()
        assert get_process_manager() is not first
        set_process_manager(first)
        assert get_process_manager() is first
    finally:
        reset_process_manager()


def test_a_ring_is_heard_at_once(supervisor: Supervisor, cast: Cast) -> None:
    """Not at the next look, and the waker is called on the manager's loop."""
    agent = cast("wait")
    heard = []
    wake = supervisor.manager.wake

    def hear() -> None:
        heard.append(asyncio.get_running_loop())
        wake()

    loop = supervisor.on_loop(asyncio.get_running_loop)
    bell.answer("local", loop, hear)
    agent.ask(Action.START)
    until(lambda: heard, every=0.001, timeout=1, what="the ring")
    assert heard == [loop]
    agent.wait_for(Status.RUNNING)


def test_a_request_that_rang_at_nobody_is_found_by_looking(
    supervisor: Supervisor, cast: Cast
) -> None:
    """As one that another process records."""
    agent = cast("wait")
    bell.stop_answering("local")
    agent.ask(Action.START)
    agent.wait_for(Status.RUNNING, timeout=2)
