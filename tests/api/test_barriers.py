"""Barriers over HTTP: who may what, and what is answered. Waiting has a real hub, in
tests/scenarios/test_barriers.py."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from agents.api.meetings import MOST, SEATS
from agents.models import Agent, Arrival, Barrier
from agents.policy.states import Status
from tests.api.conftest import Program
from tests.api.test_callers import with_token
from tests.harness.recorded import end_of, run_of
from tests.pages.conftest import MakeAgent, make_agent

__all__ = ["make_agent"]

MEET = {"name": "meet", "parties": ["web", "api"]}


@pytest.fixture
def fleet(make_agent: MakeAgent) -> dict[str, Agent]:
    return {name: make_agent(name) for name in ("web", "api", "db")}


def running(agent: Agent) -> Program:
    """A process of the agent's."""
    run = run_of(agent, pid=agent.pk)
    Agent.objects.filter(pk=agent.pk).update(status="running", run=run)
    return with_token(run)


def test_who_may_operate_makes_one_and_whoever_may_look_sees_it(
    fleet: dict[str, Agent], operator: Program, viewer: Program
) -> None:
    made = operator.post("barriers", {**MEET, "timeout": 60})
    assert made.status_code == 201, made.content
    assert made["Location"] == "/api/v1/barriers/meet"
    assert made.json() | {"created_at": ""} == {
        "name": "meet",
        "parties": ["api", "web"],
        "timeout": 60.0,
        "on_failure": "break",
        "created_by": "bob",
        "created_at": "",
        "state": "waiting",
        "generation": 1,
        "arrived": [],
        "missing": ["api", "web"],
        "lacking": 2,
        "reason": "",
        "began_at": None,
        "deadline_at": None,
        "ended_at": None,
        "arrivals": [],
    }
    again = operator.post("barriers", {**MEET, "timeout": 60})
    assert (again.status_code, again.json()) == (200, made.json())
    assert viewer.get("barriers/meet").json() == made.json()
    assert viewer.get("barriers").json()["items"] == [made.json()]
    (line,) = LogEntry.objects.filter(object_repr="meet")
    assert line.change_message == "Made by the token 'operate'."


def test_who_may_only_look_changes_nothing(
    fleet: dict[str, Agent], operator: Program, viewer: Program, stranger: Program
) -> None:
    operator.post("barriers", MEET)
    for one, status in ((viewer, 403), (running(fleet["db"]), 403), (stranger, 401)):
        for method, path, body in (
            ("POST", "barriers", MEET),
            ("POST", "barriers/meet/arrive", {"agent": "web"}),
            ("POST", "barriers/meet/reset", {}),
            ("DELETE", "barriers/meet", None),
        ):
            assert one.call(method, path, body).status_code == status, path
    assert not Arrival.objects.exists()


def test_a_run_arrives_for_its_own_agent_and_sees_how_it_stands(
    fleet: dict[str, Agent], operator: Program
) -> None:
    operator.post("barriers", MEET)
    web, api, db = (running(fleet[name]) for name in ("web", "api", "db"))
    answer = web.post("barriers/meet/arrive", {"agent": "web"})
    assert answer.status_code == 200, answer.content
    assert answer.json() == {
        "barrier": "meet",
        "generation": 1,
        "state": "waiting",
        "arrived": ["web"],
        "missing": ["api"],
        "lacking": 1,
        "reason": "",
    }
    assert web.post("barriers/meet/arrive", {"agent": "api"}).status_code == 403
    assert db.post("barriers/meet/arrive", {"agent": "db"}).status_code == 409
    assert db.get("barriers/meet").status_code == 403
    assert db.get("barriers/other").status_code == 403
    assert web.get("barriers").status_code == 403
    assert api.get("barriers/meet").json()["arrivals"][0]["run"] == 1
    last = api.post("barriers/meet/arrive", {"agent": "api"}).json()
    assert (last["state"], last["reason"]) == ("tripped", "all have arrived")
    assert set(Arrival.objects.values_list("run__agent_name", flat=True)) == {
        "web",
        "api",
    }


def test_a_person_lets_an_agent_arrive_by_its_live_run_if_it_has_one(
    fleet: dict[str, Agent], operator: Program
) -> None:
    operator.post("barriers", MEET)
    run = run_of(fleet["web"])
    for name in ("web", "api"):
        answer = operator.post("barriers/meet/arrive", {"agent": name})
        assert answer.status_code == 200, answer.content
    found = dict(Arrival.objects.values_list("agent_name", "run"))
    assert found == {"web": run.pk, "api": None}
    messages = LogEntry.objects.filter(object_repr="meet").values_list(
        "change_message", flat=True
    )
    assert "web arrived in round 1 by the token 'operate'." in messages


def test_a_round_that_broke_is_answered_with_its_reason_until_a_reset(
    fleet: dict[str, Agent], operator: Program
) -> None:
    operator.post("barriers", MEET)
    run = run_of(fleet["api"])
    web = running(fleet["web"])
    web.post("barriers/meet/arrive", {"agent": "web"})
    end_of(run, Status.CRASHED, 137, "killed by SIGKILL")
    for body in ({"agent": "web"}, {"agent": "web", "wait": 60, "generation": 1}):
        told = web.post("barriers/meet/arrive", body).json()
        assert told["state"] == "broken"
        assert told["reason"] == "api ended before it arrived: killed by SIGKILL"
    reset = operator.post("barriers/meet/reset", {"reason": "api is mended"})
    assert (reset.status_code, reset.json()["generation"]) == (200, 2)
    assert operator.get("barriers/meet?generation=1").json()["state"] == "broken"
    # Broken before, it stays so, and the audit has who began anew and why.
    assert LogEntry.objects.filter(
        change_message="Reset by the token 'operate': api is mended"
    ).exists()


def test_who_resets_is_named_to_those_who_wait(
    fleet: dict[str, Agent], operator: Program
) -> None:
    operator.post("barriers", MEET)
    operator.post("barriers/meet/arrive", {"agent": "web"})
    operator.post("barriers/meet/reset", {"reason": "wrong phase"})
    told = operator.get("barriers/meet?generation=1").json()
    assert told["reason"] == "reset by bob: wrong phase"
    assert told["ended_at"] is not None


def test_it_is_deleted_once_nobody_waits(
    fleet: dict[str, Agent], operator: Program
) -> None:
    operator.post("barriers", MEET)
    operator.post("barriers/meet/arrive", {"agent": "web"})
    assert operator.call("DELETE", "barriers/meet").status_code == 409
    operator.post("barriers/meet/reset")
    assert operator.call("DELETE", "barriers/meet").status_code == 204
    assert operator.call("DELETE", "barriers/meet").status_code == 404
    assert not Barrier.objects.exists()
    assert LogEntry.objects.filter(
        change_message="Deleted by the token 'operate'."
    ).exists()


def test_an_arrival_that_is_sent_again_does_not_count_in_the_next_round(
    fleet: dict[str, Agent], operator: Program
) -> None:
    operator.post("barriers", {"name": "meet", "parties": 1})
    body = {"agent": "web"}
    first = operator.post("barriers/meet/arrive", body, Idempotency_Key="k")
    again = operator.post("barriers/meet/arrive", body, Idempotency_Key="k")
    assert again.content == first.content
    assert "Idempotency-Replayed" in again
    assert Arrival.objects.count() == 1
    once = operator.post("barriers/meet/arrive", {**body, "generation": 1})
    assert (once.json()["state"], once.json()["generation"]) == ("tripped", 1)
    assert Arrival.objects.count() == 1


def test_what_is_not_there_is_said(fleet: dict[str, Agent], operator: Program) -> None:
    assert operator.get("barriers/none").status_code == 404
    assert operator.post("barriers/none/reset").status_code == 404
    arrive = operator.post("barriers/none/arrive", {"agent": "web"})
    assert arrive.status_code == 404
    operator.post("barriers", MEET)
    assert operator.get("barriers/meet?generation=2").status_code == 404
    nobody = operator.post("barriers/meet/arrive", {"agent": "nobody"})
    assert nobody.status_code == 404
    early = operator.post("barriers/meet/arrive", {"agent": "web", "generation": 3})
    assert early.status_code == 404
    assert early.json()["detail"] == "meet has no round 3 yet."


def test_another_barrier_of_the_same_name_is_refused(
    fleet: dict[str, Agent], operator: Program
) -> None:
    operator.post("barriers", MEET)
    assert operator.post("barriers", {**MEET, "parties": 2}).status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        {"name": "meet"},
        {"name": "meet", "parties": 0},
        {"name": "meet", "parties": True},
        {"name": "meet", "parties": []},
        {"name": "meet", "parties": ["nobody"]},
        {"name": "a b", "parties": 2},
        {"name": "meet", "parties": 2, "timeout": 0},
        {"name": "meet", "parties": 2, "on_failure": "shrug"},
        {"name": "meet", "parties": 2, "more": 1},
    ],
)
def test_a_barrier_that_makes_no_sense_is_refused(
    body: Any, fleet: dict[str, Agent], operator: Program
) -> None:
    response = operator.post("barriers", body)
    assert response.status_code == 422, response.content
    assert response.json()["errors"]
    assert not Barrier.objects.exists()


def test_who_finds_all_seats_taken_has_not_arrived(
    fleet: dict[str, Agent], operator: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.post("barriers", MEET)
    monkeypatch.setattr(SEATS, "taken", MOST)
    body = {"agent": "web", "wait": 1}
    assert operator.post("barriers/meet/arrive", body).status_code == 503
    assert operator.get("barriers/meet?wait=1").status_code == 503
    assert not Arrival.objects.exists()
