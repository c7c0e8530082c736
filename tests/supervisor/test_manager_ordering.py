"""Agents that need others start after them and stop before them."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.models import Agent, Request
from agents.policy.states import Action, Status
from agents.services import lifecycle, setups
from agents.services.lifecycle import Asked
from tests.harness.supervisor import TEST, Actor, Cast, Supervisor
from tests.harness.waiting import until

pytestmark = pytest.mark.usefixtures("supervisor")


def needs(*names: str, condition: str = "started") -> list[dict[str, str]]:
    return [{"agent": name, "condition": condition} for name in names]


def ask_all(action: Action, *actors: Actor) -> dict[str, Asked]:
    """One request for all, as a batch or a label makes it."""
    asked = lifecycle.ask(action, [actor.row.pk for actor in actors], TEST)
    return {one.name: one for one in asked}


def reasons(actor: Actor) -> list[str]:
    return [change.reason for change in actor.history()]


def when(actor: Actor, status: str) -> object:
    """When it first became so."""
    return next(c.at for c in actor.history() if c.to_status == status)


# Starting


def test_asking_for_one_starts_what_it_needs_first(cast: Cast) -> None:
    store = cast(name="store")
    queue = cast(name="queue", depends_on=needs("store"))
    worker = cast(name="worker", depends_on=needs("queue"))
    asked = worker.ask(Action.START, actor="alice")
    assert worker.settled(asked).outcome == "done"
    assert store.noted() and queue.noted()
    assert when(store, "running") < when(queue, "starting")  # type: ignore[operator]
    assert when(queue, "running") < when(worker, "starting")  # type: ignore[operator]
    wish = Request.objects.get(agent=store.row)
    assert (wish.actor, wish.via, wish.reason) == ("alice", "test", "needed by worker")


def test_who_waits_says_for_whom_and_has_no_process(cast: Cast, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    job = cast("end_when", str(gate), "0", name="job")
    worker = cast(name="worker", depends_on=needs("job", condition="completed"))
    asked = worker.ask(Action.START)
    waits = "waits for job to complete (job is running)"
    worker.wait_until(lambda row: row.status_reason == waits)
    job.wait_for(Status.RUNNING)
    assert worker.row.status == Status.STOPPED
    assert worker.runs() == []
    assert Request.objects.get(pk=asked.request_id).outcome == ""
    gate.touch()
    worker.wait_for(Status.RUNNING)
    assert worker.settled(asked).outcome == "done"
    assert reasons(worker).count(waits) == 1, "noted once for each change"


def test_healthy_means_that_the_probes_have_passed(cast: Cast, tmp_path: Path) -> None:
    well = tmp_path / "well"
    probe = {"type": "exec", "command": ["test", "-e", str(well)], "period": 1}
    store = cast(name="store", probes=[probe])
    worker = cast(name="worker", depends_on=needs("store", condition="healthy"))
    asked = worker.ask(Action.START)
    waits = "waits for store to be healthy (store is running, not yet healthy)"
    worker.wait_until(lambda row: row.status_reason == waits)
    assert store.look().status == Status.RUNNING
    well.touch()
    assert worker.settled(asked).outcome == "done"


def test_a_job_that_has_completed_is_not_run_again(cast: Cast) -> None:
    job = cast("end", "0", name="job")
    worker = cast(name="worker", depends_on=needs("job", condition="completed"))
    worker.start()
    worker.stop()
    worker.start()
    assert len(job.runs()) == 1


def test_a_job_that_was_stopped_by_hand_has_not_completed(cast: Cast) -> None:
    job = cast("end", "0", name="job")
    worker = cast(name="worker", depends_on=needs("job", condition="completed"))
    worker.start()
    worker.stop()
    job.ask(Action.STOP)
    worker.start()
    assert len(job.runs()) == 2


def test_a_start_fails_when_what_it_needs_crashes(cast: Cast) -> None:
    cast("end", "3", name="store", auto_restart="never")
    worker = cast(name="worker", depends_on=needs("store", condition="completed"))
    settled = worker.settled(worker.ask(Action.START))
    assert settled.outcome == "failed"
    assert settled.detail.startswith("not started: store has crashed: exited with 3")
    assert worker.look().status == Status.STOPPED
    assert worker.row.status_reason == settled.detail
    assert worker.runs() == []


def test_a_start_fails_when_what_it_needs_cannot_even_be_begun(cast: Cast) -> None:
    cast.command(["/no/such/program"], name="store")
    worker = cast(name="worker", depends_on=needs("store"))
    settled = worker.settled(worker.ask(Action.START), timeout=3)
    assert settled.outcome == "failed"
    assert "store has crashed: program not found" in settled.detail


def test_nothing_starts_later_by_surprise(cast: Cast) -> None:
    store = cast("end", "3", name="store", auto_restart="never")
    worker = cast(name="worker", depends_on=needs("store", condition="completed"))
    worker.settled(worker.ask(Action.START))
    store.look().command = ["true"]
    setups.save(store.row)
    store.settled(store.ask(Action.START))
    store.wait_until(lambda row: row.status_reason.startswith("completed"))
    assert worker.look().status == Status.STOPPED
    assert worker.runs() == []


def test_a_start_fails_when_what_it_waits_for_is_stopped(
    cast: Cast, tmp_path: Path
) -> None:
    job = cast("end_when", str(tmp_path / "never"), "0", name="job")
    worker = cast(name="worker", depends_on=needs("job", condition="completed"))
    asked = worker.ask(Action.START)
    job.wait_for(Status.RUNNING)
    job.stop()
    settled = worker.settled(asked)
    assert settled.outcome == "failed"
    assert settled.detail.startswith("not started: job was stopped")


def test_a_failure_goes_up_the_whole_way(cast: Cast) -> None:
    cast("end", "3", name="store", auto_restart="never")
    cast(name="queue", depends_on=needs("store", condition="completed"))
    worker = cast(name="worker", depends_on=needs("queue"))
    settled = worker.settled(worker.ask(Action.START))
    assert "queue is stopped: not started: store has crashed" in settled.detail


def test_stop_wins_over_waiting(cast: Cast, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    job = cast("end_when", str(gate), "0", name="job")
    worker = cast(name="worker", depends_on=needs("job", condition="completed"))
    begun = worker.ask(Action.START)
    worker.wait_until(lambda row: "waits for job" in row.status_reason)
    worker.settled(worker.ask(Action.STOP))
    assert worker.settled(begun).outcome == "superseded"
    gate.touch()
    job.wait_for(Status.STOPPED)
    assert worker.look().status == Status.STOPPED
    assert worker.runs() == []


def test_who_waits_still_waits_for_a_new_supervisor(
    cast: Cast, supervisor: Supervisor, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    job = cast("end_when", str(gate), "0", name="job")
    worker = cast(name="worker", depends_on=needs("job", condition="completed"))
    asked = worker.ask(Action.START)
    worker.wait_until(lambda row: "(job is running)" in row.status_reason)
    supervisor.close()
    gate.touch()
    supervisor.start()
    assert worker.settled(asked).outcome == "done"
    assert len(job.runs()) == len(worker.runs()) == 1
    assert len(job.noted()) == 1


def test_an_automatic_restart_does_not_wait_anew(cast: Cast) -> None:
    store = cast(name="store")
    worker = cast("end", "1", "0.3", name="worker", depends_on=needs("store"))
    worker.ask(Action.START)
    worker.wait_for(Status.RUNNING)
    store.stop()
    worker.wait_until(lambda row: row.restart_count >= 1)
    assert store.look().status == Status.STOPPED


def test_a_restart_of_what_is_needed_restarts_nobody_else(cast: Cast) -> None:
    store = cast(name="store")
    worker = cast(name="worker", depends_on=needs("store")).start()
    store.settled(store.ask(Action.RESTART))
    assert len(store.runs()) == 2
    assert len(worker.runs()) == 1


def test_a_restart_waits_as_a_start_does(cast: Cast) -> None:
    store = cast(name="store")
    worker = cast(name="worker", depends_on=needs("store")).start()
    both = ask_all(Action.RESTART, worker, store)
    worker.settled(both["worker"])
    assert store.runs()[1].started_at < worker.runs()[1].started_at  # type: ignore[operator]


# Stopping


def test_those_that_need_others_end_first(cast: Cast) -> None:
    store = cast(name="store")
    queue = cast("slow", "0.3", name="queue", depends_on=needs("store"))
    worker = cast("slow", "0.3", name="worker", depends_on=needs("queue"))
    worker.start()
    until(lambda: "ready" in queue.output() + worker.output(), what="both ready")
    ask_all(Action.STOP, store, queue, worker)
    for actor in (store, queue, worker):
        actor.wait_for(Status.STOPPED)
    assert when(worker, "stopped") <= when(queue, "stopping")  # type: ignore[operator]
    assert when(queue, "stopped") <= when(store, "stopping")  # type: ignore[operator]
    assert any("waits for queue and worker to end first" in r for r in reasons(store))


def test_a_kill_waits_for_nobody(cast: Cast) -> None:
    store = cast(name="store")
    worker = cast("stubborn", name="worker", depends_on=needs("store"), stop_grace=30.0)
    worker.start()
    ask_all(Action.STOP, store, worker)
    store.wait_until(lambda row: "worker to end first" in row.status_reason)
    store.settled(store.ask(Action.KILL), timeout=3)
    assert store.look().status == Status.STOPPED
    assert worker.look().status == Status.STOPPING


def test_a_stop_of_one_alone_leaves_those_that_need_it_running(cast: Cast) -> None:
    store = cast(name="store")
    worker = cast(name="worker", depends_on=needs("store")).start()
    store.stop()
    worker.wait_until(lambda row: row.conditions)
    [condition] = worker.row.conditions
    assert condition["type"] == "dependency"
    assert condition["reason"] == "it depends on others that are down: store is stopped"
    assert worker.row.status == Status.RUNNING
    store.start()
    worker.wait_until(lambda row: row.conditions == [])


def test_shutting_down_keeps_the_order(cast: Cast, supervisor: Supervisor) -> None:
    store = cast(name="store")
    worker = cast("slow", "0.3", name="worker", depends_on=needs("store")).start()
    until(lambda: "ready" in worker.output(), what="readiness")
    supervisor.call(supervisor.manager.shutdown_all())
    for actor in (store, worker):
        actor.look()
    assert when(worker, "stopped") <= when(store, "stopping")  # type: ignore[operator]


def test_a_circle_written_by_hand_does_not_keep_anybody_alive(cast: Cast) -> None:
    first = cast(name="first").start()
    second = cast(name="second").start()
    for actor, other in ((first, "second"), (second, "first")):
        Agent.objects.filter(pk=actor.row.pk).update(depends_on=needs(other))
    ask_all(Action.STOP, first, second)
    for actor in (first, second):
        actor.wait_for(Status.STOPPED)
