"""Batches as rows: recorded whole, begun by a limit, judged, cancelled, ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.utils import timezone

from agents.models import Agent, Batch, BatchItem, Request, Task
from agents.models.choices import BatchActionChoice
from agents.policy.clock import boot_id, boot_seconds
from agents.policy.states import Action, Outcome, Status
from agents.services import (
    batch_steps,
    batches,
    brake_pulls,
    changes,
    lifecycle,
    setups,
)
from agents.services.batches import CannotBatch, Wanted
from agents.services.lifecycle import Asker
from agents.services.tasks import Ask
from tests.harness.engine import thinker
from tests.harness.recorded import passing, settled
from tests.services.fleet import make_agent, make_fleet

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]

BOB = Asker("bob", "page", "an upgrade")
_A = BatchActionChoice


def made(agents: list[Agent], action: _A = _A.START, **wanted: Any) -> Batch:
    return batches.make(Wanted(action, agents, **wanted), BOB)


def states(batch: Batch) -> dict[str, str]:
    rows = BatchItem.objects.filter(batch=batch).order_by("position")
    return dict(rows.values_list("agent_name", "state"))


def runs(name: str) -> None:
    agent = Agent.objects.get(name=name)
    passing(agent.pk, Status.STARTING)
    settled(agent.pk, Status.RUNNING, Outcome.DONE, "running as pid 7")


def crashes(name: str) -> None:
    agent = Agent.objects.get(name=name)
    settled(agent.pk, Status.CRASHED, Outcome.FAILED, "exited with 3")


def asked() -> list[str]:
    return list(Request.objects.order_by("pk").values_list("agent_name", flat=True))


def test_it_is_recorded_whole_before_anybody_is_asked() -> None:
    seq = changes.latest()
    batch = made(make_fleet(3))
    assert set(states(batch).values()) == {"waiting"}
    assert asked() == []
    assert changes.since(seq).hub == {changes.BATCH}


def test_no_more_than_the_limit_are_under_way_and_one_that_ends_makes_place() -> None:
    batch = made(make_fleet(5), at_once=2)
    assert batch_steps.step()
    assert asked() == ["worker-000", "worker-001"]
    assert batch_steps.step() and len(asked()) == 2
    runs("worker-001")
    assert batch_steps.step()
    assert asked()[2:] == ["worker-002"]
    assert list(states(batch).values()) == [
        *("begun", "done", "begun", "waiting", "waiting"),
    ]


def test_each_has_an_outcome_of_its_own_and_a_request_that_says_whose() -> None:
    batch = made(make_fleet(2))
    batch_steps.step()
    runs("worker-000")
    crashes("worker-001")
    assert not batch_steps.step()
    first, second = BatchItem.objects.filter(batch=batch)
    assert (first.state, first.status) == ("done", "running")
    assert (second.state, second.status, second.detail) == (
        "failed",
        "crashed",
        "exited with 3",
    )
    assert first.ended_at and first.begun_at and first.ended_at >= first.begun_at
    request = first.request
    assert request is not None
    assert (request.actor, request.via, request.reason) == (
        "bob",
        f"batch {batch.pk}",
        "an upgrade",
    )
    batch.refresh_from_db()
    assert batch.state == "done" and batch.ended_at


def test_what_somebody_else_asks_meanwhile_is_that_agents_outcome() -> None:
    batch = made(make_fleet(1))
    batch_steps.step()
    lifecycle.ask(Action.STOP, [Agent.objects.get().pk], Asker("eve", "page"))
    batch_steps.step()
    item = BatchItem.objects.get()
    assert (item.state, item.detail) == ("failed", "superseded by eve's stop")
    batch.refresh_from_db()
    assert batch.state == "done"


def test_one_that_has_no_outcome_in_time_makes_place_for_the_next() -> None:
    batch = made(make_fleet(2), at_once=1, patience=60)
    batch_steps.step()
    BatchItem.objects.filter(state="begun").update(
        begun_boot=boot_id(), begun_boot_seconds=boot_seconds() - 61
    )
    batch_steps.step()
    assert list(states(batch).values()) == ["failed", "begun"]
    item = BatchItem.objects.get(position=1)
    assert item.detail == "no outcome after 1 min; it stays asked"


def test_a_cancel_begins_nothing_more_and_leaves_what_is_under_way() -> None:
    batch = made(make_fleet(3), at_once=1)
    batch_steps.step()
    batches.cancel(batch.pk, BOB)
    assert list(states(batch).values()) == ["begun", "cancelled", "cancelled"]
    assert batch_steps.step()
    runs("worker-000")
    assert not batch_steps.step()
    batch.refresh_from_db()
    assert (batch.state, batch.cancel_asked_by) == ("cancelled", "bob")
    assert states(batch)["worker-000"] == "done"
    assert asked() == ["worker-000"]


def test_a_cancel_before_the_first_step_ends_it_and_twice_is_once() -> None:
    batch = made(make_fleet(2))
    first = batches.cancel(batch.pk, BOB)
    again = batches.cancel(batch.pk, Asker("eve", "page"))
    assert first.state == again.state == "cancelled"
    assert again.cancel_asked_by == "bob"
    assert not batch_steps.step() and asked() == []


def test_a_cancel_of_what_is_over_changes_nothing() -> None:
    batch = made(make_fleet(1))
    batch_steps.step()
    runs("worker-000")
    batch_steps.step()
    assert batches.cancel(batch.pk, BOB).state == "done"


def test_an_agent_that_is_deleted_fails_and_holds_up_nobody() -> None:
    fleet = make_fleet(3)
    batch = made(fleet, at_once=2)
    setups.delete(fleet[2])
    batch_steps.step()
    # Only what is stopped can be deleted by hand; what a row needs, it has not.
    Agent.objects.filter(pk=fleet[0].pk).delete()
    runs("worker-001")
    batch_steps.step()
    assert not batch_steps.step()
    assert states(batch) == {
        "worker-000": "failed",
        "worker-001": "done",
        "worker-002": "failed",
    }


def test_names_of_no_agent_are_failures_and_the_others_are_done() -> None:
    batch = made(make_fleet(1), unknown={"nobody": "There is no agent 'nobody'."})
    batch_steps.step()
    runs("worker-000")
    assert not batch_steps.step()
    assert states(batch) == {"worker-000": "done", "nobody": "failed"}


def test_a_batch_of_nobody_known_is_over_at_once() -> None:
    batch = made([], unknown={"nobody": "There is no agent 'nobody'."})
    batch.refresh_from_db()
    assert batch.state == "done"


def test_what_others_need_starts_first_and_stops_last() -> None:
    web = make_agent("web", depends_on=[{"agent": "db", "condition": "started"}])
    db = make_agent("db")
    start, stop = made([web, db], _A.START), made([db, web], _A.STOP)
    assert list(states(start)) == ["db", "web"]
    assert list(states(stop)) == ["web", "db"]


def test_agents_are_asked_for_work_and_programs_refuse_it() -> None:
    agents = [thinker("one"), make_agent("program")]
    ask = Ask("What is here?", priority=3, paths=["src/*.py"])
    batch = made(agents, _A.ASK, ask=ask)
    batch_steps.step()
    task = Task.objects.get()
    assert (task.prompt, task.priority, task.paths) == (
        "What is here?",
        3,
        ["src/*.py"],
    )
    assert (task.created_by, task.via) == ("bob", f"batch {batch.pk}")
    assert states(batch) == {"one": "begun", "program": "failed"}
    Task.objects.update(state="succeeded", ended_at=timezone.now())
    assert not batch_steps.step()
    assert states(batch)["one"] == "done"


@pytest.mark.parametrize("action", [_A.START, _A.RESTART, _A.ASK])
def test_what_starts_something_waits_while_the_fleet_brake_is_pulled(
    action: _A,
) -> None:
    batch = made([thinker()], action, ask=Ask("hello"))
    brake_pulls.pull(brake_pulls.Pull(), BOB)
    assert batch_steps.step()
    assert list(states(batch).values()) == ["waiting"]
    brake_pulls.release(BOB, go_on=False)
    batch_steps.step()
    assert list(states(batch).values()) == ["begun"]


def test_what_ends_something_goes_on_while_the_fleet_brake_is_pulled() -> None:
    batch = made(make_fleet(1), _A.STOP)
    brake_pulls.pull(brake_pulls.Pull(), BOB)
    batch_steps.step()
    assert list(states(batch).values()) == ["begun"]


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"at_once": 0}, "at_once"),
        ({"at_once": 101}, "at_once"),
        ({"patience": 0.5}, "patience"),
        ({"action": _A.ASK}, "prompt"),
        ({"action": _A.ASK, "ask": Ask(" ")}, "prompt"),
        ({"action": _A.ASK, "ask": Ask("x", priority=5000)}, "priority"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_change(
    wanted: dict[str, Any], field: str
) -> None:
    with pytest.raises(CannotBatch) as caught:
        made(make_fleet(1), **wanted)
    assert caught.value.field == field
    assert not Batch.objects.exists()


def test_nobody_chosen_and_too_many_are_refused() -> None:
    with pytest.raises(CannotBatch, match="No agent is chosen"):
        made([])
    with pytest.raises(CannotBatch, match="1000 agents at most"):
        made([], unknown={str(number): "" for number in range(1001)})


def test_a_key_that_came_before_gives_the_earlier_batch() -> None:
    fleet = make_fleet(1)
    assert made(fleet, key="one") == made(fleet, key="one")
    assert made(fleet, key="two") != made(fleet, key="one")
    assert Batch.objects.count() == 2


def test_who_made_and_who_cancelled_it_is_in_the_audit_log(bob: User) -> None:
    batch = batches.make(Wanted(_A.START, make_fleet(1), whom="all"), BOB, bob.pk)
    batches.cancel(batch.pk, BOB, bob.pk)
    words = LogEntry.objects.order_by("pk").values_list("change_message", flat=True)
    assert list(words) == ["Made by page: start all", "Cancelled by page: an upgrade"]


def test_a_step_without_open_batches_says_so_and_changes_nothing(data: Path) -> None:
    seq = changes.latest()
    assert not batch_steps.step()
    assert changes.latest() == seq
