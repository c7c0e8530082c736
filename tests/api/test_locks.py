"""Locks through the API: in the name of a live run, all or none, and listed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User

from agents.models import Agent, LockClaim, Run
from agents.policy.states import Status
from tests.api.conftest import Program
from tests.api.test_callers import with_token
from tests.harness.outside import registered, silent_for
from tests.harness.recorded import end_of, run_of
from tests.pages.conftest import MakeAgent, make_agent

__all__ = ["make_agent"]

LOCK = {"id", "pattern", "mode", "agent", "task", "fence", "expires_at"}


@pytest.fixture
def space(tmp_path: Path) -> str:
    (tmp_path / "src").mkdir()
    return str(tmp_path)


@pytest.fixture
def runs(make_agent: MakeAgent) -> dict[str, Run]:
    """`web` and `api` run, `db` does not."""
    make_agent("db")
    return {name: run_of(make_agent(name)) for name in ("web", "api")}


def body(space: str, agent: str, *paths: str, **more: Any) -> dict[str, Any]:
    asked = {"workspace": space, "paths": paths, "mode": "exclusive", "agent": agent}
    return asked | more


def locked(program: Program, *args: Any, **more: Any) -> dict[str, Any]:
    response = program.post("locks", body(*args, **more))
    assert response.status_code == 201, response.content
    (lock,) = response.json()["locks"]
    return dict(lock)


def listed(program: Program, query: str = "") -> list[dict[str, Any]]:
    response = program.get(f"locks{query}")
    assert response.status_code == 200, response.content
    return list(response.json()["items"])


def test_all_paths_are_locked_or_none_and_conflicts_say_who_has_what(
    runs: dict[str, Run], operator: Program, space: str
) -> None:
    response = operator.post("locks", body(space, "web", "src/", "b"))
    assert response.status_code == 201, response.content
    both = response.json()["locks"]
    assert [one["pattern"] for one in both] == ["b", "src/**"]
    for one in both:
        assert one.keys() == LOCK
        assert (one["mode"], one["agent"], one["task"]) == ("exclusive", "web", None)
        assert one["expires_at"] is None
    assert both[0]["fence"] == both[1]["fence"] == 1
    refused = operator.post("locks", body(space, "api", "c", "src/x"))
    assert refused.status_code == 409
    assert refused["Content-Type"] == "application/problem+json"
    (conflict,) = refused.json()["conflicts"]
    since = conflict.pop("since")
    assert since.endswith("Z")
    assert conflict == {
        "pattern": "src/x",
        "held": "src/**",
        "agent": "web",
        "task": None,
        "expires_at": None,
    }
    assert "web has src/**" in refused.json()["detail"]
    assert locked(operator, space, "api", "c")["fence"] == 2


def test_an_agents_own_locks_never_conflict_and_shared_ones_do_not(
    runs: dict[str, Run], operator: Program, space: str
) -> None:
    locked(operator, space, "web", "a")
    locked(operator, space, "web", "a")
    locked(operator, space, "web", "b", mode="shared")
    locked(operator, space, "api", "b", mode="shared")
    assert operator.post("locks", body(space, "api", "b")).status_code == 409


def test_without_a_live_run_there_is_nobody_to_lock_for(
    runs: dict[str, Run], operator: Program, space: str
) -> None:
    response = operator.post("locks", body(space, "db", "a"))
    assert response.status_code == 409
    assert "does not run" in response.json()["detail"]
    assert response.json()["conflicts"] == []
    assert operator.post("locks", body(space, "nobody", "a")).status_code == 404
    end_of(runs["web"], Status.STOPPED, 0, "done")
    assert operator.post("locks", body(space, "web", "a")).status_code == 409


def test_a_lock_ends_with_its_run(
    runs: dict[str, Run], operator: Program, space: str
) -> None:
    lock = locked(operator, space, "web", "a")
    end_of(runs["web"], Status.STOPPED, 0, "done")
    assert listed(operator) == []
    (ended,) = listed(operator, "?state=ended")
    assert (ended["id"], ended["state"]) == (lock["id"], "ended")
    for verb in ("renew", "release"):
        refused = operator.post(f"locks/{lock['id']}/{verb}")
        assert refused.status_code == 409
        assert "its run has ended" in refused.json()["detail"]


def test_who_releases_hands_on_and_may_say_so_twice(
    runs: dict[str, Run], operator: Program, space: str
) -> None:
    lock = locked(operator, space, "web", "a")
    for _ in range(2):
        response = operator.post(f"locks/{lock['id']}/release")
        assert response.status_code == 200, response.content
        assert response.json()["state"] == "ended"
    later = locked(operator, space, "api", "a")
    assert later["fence"] > lock["fence"]
    # An old one lets nobody do anything any more.
    assert operator.post(f"locks/{lock['id']}/renew").status_code == 409
    assert operator.post(f"locks/{lock['id']}/release").status_code == 200
    assert [one["id"] for one in listed(operator)] == [later["id"]]


def test_one_of_several_paths_is_released_alone(
    runs: dict[str, Run], operator: Program, space: str
) -> None:
    response = operator.post("locks", body(space, "web", "a", "b"))
    first, second = response.json()["locks"]
    assert operator.post(f"locks/{first['id']}/release").json()["state"] == "ended"
    assert [one["pattern"] for one in listed(operator)] == ["b"]
    assert operator.post(f"locks/{first['id']}/renew").status_code == 409
    assert operator.post(f"locks/{second['id']}/renew").status_code == 200
    end_of(runs["web"], Status.STOPPED, 0, "done")
    # It was released by then, and the other was not.
    assert operator.post(f"locks/{first['id']}/release").status_code == 200
    assert operator.post(f"locks/{second['id']}/release").status_code == 409


def test_a_run_locks_for_its_own_agent_alone(
    runs: dict[str, Run], operator: Program, space: str
) -> None:
    web, api = with_token(runs["web"]), with_token(runs["api"])
    lock = locked(web, space, "web", "a")
    assert web.post("locks", body(space, "api", "b")).status_code == 403
    for verb in ("renew", "release"):
        assert api.post(f"locks/{lock['id']}/{verb}").status_code == 403
    assert api.get("locks").status_code == 403
    assert api.get("locks?agent=web").status_code == 403
    assert [one["id"] for one in listed(web, "?agent=web")] == [lock["id"]]
    assert listed(operator)[0]["asked_by"] == "agent web"
    assert web.post(f"locks/{lock['id']}/release").status_code == 200


def test_only_who_may_operate_locks_and_releases(
    runs: dict[str, Run],
    configurer: Program,
    operator: Program,
    viewer: Program,
    stranger: Program,
    space: str,
) -> None:
    lock = locked(operator, space, "web", "a")
    for one, status in ((viewer, 403), (stranger, 401)):
        assert one.post("locks", body(space, "web", "b")).status_code == status
        for verb in ("renew", "release"):
            assert one.post(f"locks/{lock['id']}/{verb}").status_code == status
    assert len(listed(viewer)) == 1
    assert stranger.get("locks").status_code == 401
    locked(configurer, space, "web", "b")
    why = {"reason": "forgotten"}
    assert configurer.post(f"locks/{lock['id']}/release", why).status_code == 200


def test_asking_is_in_the_audit_by_the_tokens_name(
    runs: dict[str, Run], operator: Program, space: str
) -> None:
    locked(operator, space, "web", "a")
    (line,) = LogEntry.objects.filter(object_repr="web")
    assert line.change_message == "Asked for a lock on a by the token 'operate'."


def test_a_call_that_is_sent_again_gets_its_first_answer(
    runs: dict[str, Run], operator: Program, space: str
) -> None:
    asked = body(space, "web", "a")
    first = operator.post("locks", asked, Idempotency_Key="k")
    again = operator.post("locks", asked, Idempotency_Key="k")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert again["Idempotency-Replayed"] == "true"
    assert LockClaim.objects.count() == 1
    # A refusal is not kept: what was in the way may be gone.
    other = body(space, "api", "a")
    assert operator.post("locks", other, Idempotency_Key="m").status_code == 409
    operator.post(f"locks/{first.json()['locks'][0]['id']}/release")
    assert operator.post("locks", other, Idempotency_Key="m").status_code == 201


def test_waiting_no_time_is_asking_at_once(
    runs: dict[str, Run], operator: Program, space: str
) -> None:
    locked(operator, space, "web", "a")
    response = operator.post("locks", body(space, "api", "a", wait=0))
    assert response.status_code == 409
    assert LockClaim.objects.count() == 1


def test_locks_are_listed_by_workspace_agent_and_state(
    runs: dict[str, Run], operator: Program, space: str, tmp_path: Path
) -> None:
    locked(operator, space, "web", "a")
    locked(operator, f"{space}/src", "api", "a")

    def agents(query: str) -> list[str]:
        return [one["agent"] for one in listed(operator, query)]

    assert agents("") == ["web", "api"]
    assert agents(f"?workspace={space}/src/../src") == ["api"]
    assert agents("?workspace=/gone") == []
    assert agents("?agent=web") == ["web"]
    assert agents("?state=waiting") == []
    assert agents("?state=held") == ["web", "api"]
    first = operator.get("locks?limit=1").json()
    then = operator.get(f"locks?limit=1&cursor={first['next']}").json()
    assert [one["agent"] for one in then["items"]] == ["api"]
    assert operator.get("locks?state=lost").status_code == 422
    tag = operator.get("locks")["ETag"]
    assert operator.get("locks", If_None_Match=tag).status_code == 304


@pytest.mark.parametrize(
    "wrong",
    [
        {"workspace": "src"},
        {"workspace": "/nowhere/at/all"},
        {"paths": []},
        {"paths": ["../outside"]},
        {"paths": "a"},
        {"paths": ["\0"]},
        {"mode": "both"},
        {"wait": -1},
        {"wait": 601},
        {"agent": None},
        {"more": 1},
    ],
)
def test_what_makes_no_sense_is_refused(
    wrong: dict[str, Any], runs: dict[str, Run], operator: Program, space: str
) -> None:
    response = operator.post("locks", body(space, "web", "a") | wrong)
    assert response.status_code == 422, response.content
    assert not LockClaim.objects.exists()


def test_a_part_of_the_hub_and_an_unknown_lock_are_refused(
    make_agent: MakeAgent, operator: Program, space: str
) -> None:
    Agent.every.filter(pk=make_agent("cluster").pk).update(internal=True)
    assert operator.post("locks", body(space, "cluster", "a")).status_code == 409
    for verb in ("renew", "release"):
        assert operator.post(f"locks/5/{verb}").status_code == 404
        assert operator.post(f"locks/x/{verb}").status_code == 422


def test_an_agent_from_outside_has_a_lease_on_what_it_locks(
    operator: Program, bob: User, space: str
) -> None:
    ci = Program(registered("ci", bob).token)
    lock = locked(ci, space, "ci", "a")
    assert lock["expires_at"] is not None
    assert ci.post(f"locks/{lock['id']}/renew").json()["expires_at"] is not None
    silent_for(Run.objects.get(), 61)
    assert ci.post(f"locks/{lock['id']}/renew").status_code == 409
    assert listed(operator) == []
