"""What a task declares is locked before it begins, and let go on every way out."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import timezone

from agents.models import Agent, LockClaim, Run, Task
from agents.policy.states import Status
from agents.policy.tasks import TaskState
from agents.services import setups, task_detail, task_locks, tasks, work
from agents.services.tasks import CannotAsk
from agents.services.work import Claimed
from tests.harness.engine import BOB, asked, thinker
from tests.harness.recorded import end_of, run_of

pytestmark = pytest.mark.django_db


class House:
    """Two agents that work in one directory."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.web, self.api = (
            thinker(name, workspace=str(place)) for name in ("web", "api")
        )
        self.runs = {one.pk: run_of(one) for one in (self.web, self.api)}

    def look(self, agent: Agent, at_most: int = 1) -> list[Claimed]:
        return work.claim(agent.pk, self.runs[agent.pk].pk, at_most, str(self.place))

    def ended(self, agent: Agent) -> None:
        end_of(self.runs[agent.pk], Status.STOPPED, 0, "stopped")
        work.requeue_ended()

    def again(self, agent: Agent) -> None:
        agent.refresh_from_db()
        self.runs[agent.pk] = run_of(agent)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def state(task: Task) -> str:
    task.refresh_from_db()
    return task.state


def open_claims() -> list[tuple[int | None, str]]:
    rows = LockClaim.objects.exclude(state="ended").order_by("pk")
    return list(rows.values_list("task_id", "state"))


def test_a_task_waits_for_what_another_agent_writes_and_says_for_whom(
    house: House,
) -> None:
    first = asked(house.web, paths=["src/**"])
    second = asked(house.api, paths=["src/a.py"])
    assert [one.id for one in house.look(house.web)] == [first.pk]
    assert house.look(house.api) == []
    assert state(second) == "waiting_for_lock"
    assert f"web (task {first.pk}) has src/** since" in second.reason
    shown = task_detail.detail(second.pk)
    assert shown is not None
    assert shown.waits == second.reason


def test_it_begins_once_that_is_let_go(house: House) -> None:
    asked(house.web, paths=["a"])
    second = asked(house.api, paths=["a"])
    [one] = house.look(house.web)
    house.look(house.api)
    work.end(one, TaskState.SUCCEEDED, "done")
    [two] = house.look(house.api)
    assert two.id == second.pk
    assert open_claims() == [(second.pk, "held")]


def test_one_that_waits_is_in_nobodys_way_who_needs_no_lock_or_a_free_one(
    house: House,
) -> None:
    asked(house.web, paths=["a"])
    house.look(house.web)
    waits = asked(house.api, paths=["a"], priority=9)
    plain, free = asked(house.api), asked(house.api, paths=["b"])
    assert [one.id for one in house.look(house.api, 2)] == [plain.pk, free.pk]
    assert state(waits) == "waiting_for_lock"


def ended(task: Claimed) -> None:
    work.end(task, TaskState.FAILED, "no")


def tried_later(task: Claimed) -> None:
    work.try_later(task, 60.0, "the provider is busy")


def put_back(task: Claimed) -> None:
    work.put_back(task, "the run ends")


def cancelled_meanwhile(task: Claimed) -> None:
    tasks.cancel(task.id, BOB)
    work.put_back(task, "the run ends")


@pytest.mark.parametrize("way", [ended, tried_later, put_back, cancelled_meanwhile])
def test_locks_go_with_the_task_on_every_way_out(
    house: House, way: Callable[[Claimed], None]
) -> None:
    asked(house.web, paths=["a"])
    second = asked(house.api, paths=["a"])
    [one] = house.look(house.web)
    house.look(house.api)
    way(one)
    assert open_claims() == [(second.pk, "held")]


def test_who_is_cancelled_while_waiting_leaves_the_queue(house: House) -> None:
    asked(house.web, paths=["a"])
    [one] = house.look(house.web)
    second = asked(house.api, paths=["a"])
    house.look(house.api)
    tasks.cancel(second.pk, BOB)
    assert open_claims() == [(one.id, "held")]
    work.end(one, TaskState.SUCCEEDED, "done")
    assert open_claims() == []


def test_a_run_that_ends_frees_its_locks_and_its_waiting_tasks_ask_again(
    house: House,
) -> None:
    first = asked(house.web, paths=["a"])
    second = asked(house.api, paths=["a"])
    house.look(house.web)
    house.look(house.api)
    house.ended(house.api)
    assert state(second) == "queued"
    assert open_claims() == [(first.pk, "held")]
    house.again(house.api)
    assert house.look(house.api) == []
    assert state(second) == "waiting_for_lock"
    house.ended(house.web)
    assert state(first) == "queued"
    assert open_claims() == [(second.pk, "held")]


def test_a_run_that_has_ended_takes_nothing_any_more(house: House) -> None:
    task = asked(house.web, paths=["a"])
    Run.objects.filter(pk=house.runs[house.web.pk].pk).update(ended_at=timezone.now())
    assert house.look(house.web) == []
    assert state(task) == "queued"
    assert open_claims() == []


def test_a_lock_that_comes_while_its_agent_is_busy_is_held_up_by_nobody(
    house: House,
) -> None:
    asked(house.web, paths=["a"])
    [one] = house.look(house.web)
    waits = asked(house.api, paths=["a"])
    house.look(house.api)
    [busy] = [asked(house.api)]
    assert [task.id for task in house.look(house.api)] == [busy.pk]
    work.end(one, TaskState.SUCCEEDED, "done")
    assert open_claims() == [(waits.pk, "held")]
    assert house.look(house.api, 0) == []
    assert (state(waits), open_claims()) == ("queued", [])


def test_no_more_than_some_wait_at_a_time(house: House) -> None:
    asked(house.web, paths=["a"])
    house.look(house.web)
    for _ in range(task_locks.MOST_WAITING + 3):
        asked(house.api, paths=["a"])
    house.look(house.api)
    assert len(open_claims()) == 1 + task_locks.MOST_WAITING
    assert Task.objects.filter(state="queued").count() == 3


def test_a_path_outside_the_workspace_is_refused_when_asked(house: House) -> None:
    with pytest.raises(CannotAsk, match="outside the workspace") as refused:
        asked(house.web, paths=["../elsewhere"])
    assert refused.value.field == "paths"
    own = thinker("own")
    asked(own, paths=["src/**"])  # Its home is made with its first run.
    with pytest.raises(CannotAsk, match="outside the workspace"):
        asked(own, paths=["/etc/passwd"])


def test_a_path_that_leads_out_by_now_fails_the_task_and_not_the_agent(
    house: House,
) -> None:
    task, other = asked(house.web, paths=["a/b"]), asked(house.web)
    (house.place / "a").symlink_to("/etc")
    assert [one.id for one in house.look(house.web)] == [other.pk]
    assert state(task) == "failed"
    assert "outside the workspace" in task.error


def test_the_tasks_of_a_deleted_agent_leave_the_queue(house: House) -> None:
    asked(house.web, paths=["a"])
    [one] = house.look(house.web)
    asked(house.api, paths=["a"])
    house.look(house.api)
    end_of(house.runs[house.api.pk], Status.STOPPED, 0, "stopped")
    Agent.objects.filter(pk=house.api.pk).update(status="stopped")
    setups.delete(Agent.objects.get(pk=house.api.pk))
    assert open_claims() == [(one.id, "held")]


def test_a_strange_run_sees_no_claim_of_another(house: House) -> None:
    asked(house.web, paths=["a"])
    assert work.claim(house.web.pk, uuid.uuid4(), 1, str(house.place)) == []
