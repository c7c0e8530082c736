"""Locks taken away from who holds them: by people, with a reason that is told."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry

from agents.models import LockClaim, Run, StatusChange, Task
from agents.policy.lock_queue import Mode
from agents.services import locks
from agents.services.locks import Wanted
from tests.api.conftest import Program
from tests.api.test_callers import with_token
from tests.api.test_locks import body, listed, locked, make_agent, runs, space

__all__ = ["make_agent", "runs", "space"]


def held_by_task(run: Run, space: str, state: str = "running") -> tuple[Task, int]:
    """A task of this run that has locked `a`; the lock's id."""
    task = Task.objects.create(
        agent=run.agent,
        agent_name=run.agent_name,
        prompt="x",
        created_by="bob",
        via="page",
        state=state,
        run=run,
        started_at=run.started_at,
    )
    assert run.agent_id is not None
    wanted = Wanted(space, ("a",), Mode.EXCLUSIVE, run.agent_id, run.pk, task.pk)
    claim = LockClaim.objects.get(pk=locks.ask(wanted, wait=True).claim or 0)
    lock = claim.locks.get()
    return task, lock.pk


def test_a_stolen_lock_goes_to_who_waits_with_a_higher_fence_and_is_told(
    runs: dict[str, Run], operator: Program, configurer: Program, space: str
) -> None:
    lock = locked(configurer, space, "web", "a")
    api = runs["api"]
    assert api.agent_id is not None
    wanted = Wanted(space, ("a",), Mode.EXCLUSIVE, api.agent_id, api.pk)
    waiting = locks.ask(wanted, wait=True)
    response = operator.post(f"locks/{lock['id']}/steal", {"reason": "it sleeps"})
    assert response.status_code == 200, response.content
    told = response.json()
    assert (told["state"], told["taken_by"]) == ("ended", "bob")
    assert told["reason"] == "stolen by bob: it sleeps"
    claim = LockClaim.objects.get(pk=waiting.claim or 0)
    assert claim.state == "held"
    assert claim.fence is not None and claim.fence > lock["fence"]
    # At every door the old one is refused, with the words of who took it.
    web = with_token(runs["web"])
    for one, verb in ((web, "renew"), (web, "release"), (configurer, "release")):
        refused = one.post(f"locks/{lock['id']}/{verb}")
        assert refused.status_code == 409
        assert "stolen by bob: it sleeps" in refused.json()["detail"]
    again = operator.post(f"locks/{lock['id']}/steal", {"reason": "again"})
    assert again.status_code == 409
    (line,) = StatusChange.objects.filter(actor="bob")
    assert line.agent_name == "web"
    assert line.reason == "its lock on a was stolen by bob: it sleeps"
    audit = LogEntry.objects.get(change_message__startswith="Stole")
    assert audit.change_message == (
        "Stole its lock on a by the token 'operate': it sleeps"
    )


def test_a_task_at_work_is_interrupted_before_its_lock_goes(
    runs: dict[str, Run], operator: Program, space: str
) -> None:
    task, lock = held_by_task(runs["web"], space)
    refused = operator.post(f"locks/{lock}/release", {"reason": "it sleeps"})
    assert refused.status_code == 409
    assert f"Task {task.pk} works with it" in refused.json()["detail"]
    response = operator.post(f"locks/{lock}/steal", {"reason": "it sleeps"})
    assert response.status_code == 200
    # Nobody is there who could interrupt it: it is held, and everybody sees for whom.
    assert response.json()["state"] == "held"
    assert response.json()["taken_by"] == "bob"
    task.refresh_from_db()
    assert task.interrupt_reason == "its lock was stolen by bob: it sleeps"
    assert operator.post("locks", body(space, "api", "a")).status_code == 409


def test_a_lock_of_somebody_else_is_released_with_a_reason(
    runs: dict[str, Run], operator: Program, configurer: Program, space: str
) -> None:
    lock = locked(with_token(runs["web"]), space, "web", "a")
    refused = operator.post(f"locks/{lock['id']}/release")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "reason"
    assert len(listed(operator)) == 1
    response = operator.post(f"locks/{lock['id']}/release", {"reason": "forgotten"})
    assert response.status_code == 200
    assert response.json()["reason"] == "released by bob: forgotten"
    assert listed(operator) == []
    assert StatusChange.objects.get(actor="bob").reason == (
        "its lock on a was released by bob: forgotten"
    )
    mine = locked(configurer, space, "web", "a")
    assert operator.post(f"locks/{mine['id']}/release").status_code == 422
    assert configurer.post(f"locks/{mine['id']}/release").status_code == 200


def test_a_task_that_waits_keeps_its_place_until_it_is_cancelled(
    runs: dict[str, Run], operator: Program, space: str
) -> None:
    locked(operator, space, "api", "a")
    task, lock = held_by_task(runs["web"], space, "waiting_for_lock")
    refused = operator.post(f"locks/{lock}/release", {"reason": "x"})
    assert refused.status_code == 409
    assert f"Task {task.pk} waits" in refused.json()["detail"]
    refused = operator.post(f"locks/{lock}/steal", {"reason": "x"})
    assert refused.status_code == 409
    assert "not granted yet" in refused.json()["detail"]


def test_only_people_who_may_operate_take_locks_away(
    runs: dict[str, Run],
    configurer: Program,
    operator: Program,
    viewer: Program,
    stranger: Program,
    space: str,
) -> None:
    lock = locked(with_token(runs["web"]), space, "web", "a")
    why = {"reason": "because"}
    for one, status in (
        (viewer, 403),
        (stranger, 401),
        (with_token(runs["web"]), 403),
        (with_token(runs["api"]), 403),
    ):
        assert one.post(f"locks/{lock['id']}/steal", why).status_code == status
    assert operator.post("locks/99/steal", why).status_code == 404
    assert configurer.post(f"locks/{lock['id']}/steal", why).status_code == 200


@pytest.mark.parametrize("why", [None, {}, {"reason": ""}, {"reason": "  "}])
def test_nobody_loses_a_lock_without_being_told_why(
    why: object, runs: dict[str, Run], operator: Program, space: str
) -> None:
    lock = locked(operator, space, "web", "a")
    assert operator.post(f"locks/{lock['id']}/steal", why).status_code == 422
    assert len(listed(operator)) == 1


def test_stealing_twice_with_one_key_is_stealing_once(
    runs: dict[str, Run], operator: Program, space: str
) -> None:
    lock = locked(operator, space, "web", "a")
    why = {"reason": "because"}
    first, again = (
        operator.post(f"locks/{lock['id']}/steal", why, Idempotency_Key="k")
        for _ in range(2)
    )
    assert first.status_code == again.status_code == 200
    assert first.content == again.content
    assert StatusChange.objects.filter(actor="bob").count() == 1
