"""What a tool is about to write is locked first, once, and never in an old name."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User

from agents.models import FileLock, LockClaim, Task
from agents.policy.globs import BadPattern
from agents.policy.tasks import TaskState
from agents.services import lock_taking, locks, task_detail, tool_locks, work
from agents.services.lifecycle import Asker
from agents.services.lock_taking import Person
from agents.services.locks import WouldWaitForever
from agents.services.tool_locks import Lost
from agents.services.work import Claimed, ClaimLost
from tests.harness.engine import asked, thinker
from tests.harness.recorded import run_of

pytestmark = pytest.mark.django_db


def at_work(name: str, place: Path, *paths: str) -> Claimed:
    agent = thinker(name, workspace=str(place))
    asked(agent, paths=paths)
    [one] = work.claim(agent.pk, run_of(agent).pk, 1, str(place))
    return one


def claims() -> list[tuple[int | None, str]]:
    rows = LockClaim.objects.exclude(state="ended").order_by("pk")
    return list(rows.values_list("task_id", "state"))


def test_the_first_touch_of_a_file_locks_it_and_the_second_asks_for_nothing(
    tmp_path: Path,
) -> None:
    one = at_work("web", tmp_path)
    for _ in range(2):
        assert tool_locks.permit(one, tmp_path, "src/[a].py") == ""
    assert claims() == [(one.id, "held")]


def test_what_is_declared_is_not_asked_for_again(tmp_path: Path) -> None:
    one = at_work("web", tmp_path, "src/**")
    assert tool_locks.permit(one, tmp_path, "src/deep/a.py") == ""
    assert len(claims()) == 1
    assert tool_locks.permit(one, tmp_path, "README") == ""
    assert len(claims()) == 2


def test_a_file_of_another_is_waited_for_visibly(tmp_path: Path) -> None:
    one, two = at_work("web", tmp_path, "a"), at_work("api", tmp_path)
    words = tool_locks.permit(two, tmp_path, "a")
    assert words.startswith(f"waits for a lock on a: web (task {one.id}) has a since")
    assert tool_locks.permit(two, tmp_path, "a") == words  # No second place.
    shown = task_detail.detail(two.id)
    assert shown is not None
    assert shown.waits == words
    work.end(one, TaskState.SUCCEEDED, "done")
    assert tool_locks.permit(two, tmp_path, "a") == ""


def test_two_that_would_wait_for_each_other_are_told_so(tmp_path: Path) -> None:
    one, two = at_work("web", tmp_path, "a"), at_work("api", tmp_path, "b")
    assert tool_locks.permit(two, tmp_path, "a")
    with pytest.raises(WouldWaitForever, match="nobody would ever get on"):
        tool_locks.permit(one, tmp_path, "b")


@pytest.mark.parametrize("declared", [(), ("a",)])
def test_a_lock_that_was_taken_away_is_refused_once_then_asked_for_anew(
    tmp_path: Path, declared: tuple[str, ...]
) -> None:
    one = at_work("web", tmp_path, *declared)
    tool_locks.permit(one, tmp_path, "a")
    claim = LockClaim.objects.get()
    locks.release([claim.pk], "released by bob")
    with pytest.raises(Lost, match=r"released by bob.*nothing was written") as lost:
        tool_locks.permit(one, tmp_path, "a")
    assert tool_locks.permit(one, tmp_path, "a", {lost.value.claim}) == ""
    assert LockClaim.objects.get(state="held").fence == 2


def test_an_earlier_attempts_locks_are_no_loss(tmp_path: Path) -> None:
    one = at_work("web", tmp_path, "a")
    work.put_back(one, "again")
    [again] = work.claim(one.agent_id, one.run_id, 1, str(tmp_path))
    assert tool_locks.permit(again, tmp_path, "a") == ""


def test_who_has_lost_its_task_gets_no_lock(tmp_path: Path) -> None:
    one = at_work("web", tmp_path)
    work.end(one, TaskState.CANCELLED, "no")
    with pytest.raises(ClaimLost):
        tool_locks.permit(one, tmp_path, "a")
    assert claims() == []


def test_a_file_outside_is_none(tmp_path: Path) -> None:
    one = at_work("web", tmp_path)
    with pytest.raises(BadPattern, match="outside"):
        tool_locks.permit(one, tmp_path, "../a")


def test_a_lock_that_is_being_stolen_lets_its_task_write_nothing_more(
    tmp_path: Path, alice: User
) -> None:
    one = at_work("web", tmp_path, "a")
    lock = FileLock.objects.get()
    person = Person(Asker("alice", "page", "it sleeps"), alice.pk, "the page")
    lock_taking.steal(lock.pk, person)
    assert claims() == [(one.id, "held")]
    for told in ((), {lock.claim_id}):
        with pytest.raises(Lost, match=r"stolen by alice: it sleeps.*Nothing was"):
            tool_locks.permit(one, tmp_path, "a", told)
    assert work.look(one).interrupted == "its lock was stolen by alice: it sleeps"


def test_a_task_whose_lock_is_stolen_while_its_hub_ends_is_interrupted_all_the_same(
    tmp_path: Path, alice: User
) -> None:
    one = at_work("web", tmp_path, "a")
    person = Person(Asker("alice", "page", "it sleeps"), alice.pk, "the page")
    lock_taking.steal(FileLock.objects.get().pk, person)
    work.put_back(one, "the hub ends")
    task = Task.objects.get()
    assert (task.state, task.reason) == (
        "interrupted",
        "its lock was stolen by alice: it sleeps",
    )
    assert claims() == []
