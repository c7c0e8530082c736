"""Agents from outside, through the API: registered, alive, gone, and never started."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from agents.models import Agent, Request
from tests.api.conftest import Program, program
from tests.api.test_callers import with_token
from tests.harness.outside import registered, silent_for
from tests.harness.recorded import run_of
from tests.pages.conftest import MakeAgent, make_agent

__all__ = ["make_agent"]

ABOUT = {"name": "far", "role": "review", "capabilities": ["python"]}


def test_who_may_operate_registers_an_agent_which_lives_by_its_heartbeats(
    operator: Program, viewer: Program
) -> None:
    response = operator.post("agents/register", ABOUT | {"note": "begins"})
    assert response.status_code == 201, response.content
    assert response["Location"] == "/api/v1/agents/far"
    assert "no-store" in response["Cache-Control"]
    told = response.json()
    assert (told["run"], told["interval"], told["lease"]) == (1, 20.0, 60.0)
    assert (told["agent"]["kind"], told["agent"]["status"]) == ("external", "running")
    assert told["agent"]["activity_note"] == "begins"
    own = Program(told["token"])
    reply = own.post("agents/far/heartbeat", {"activity": "working"}).json()
    assert reply == {
        "wanted": "run",
        "cancel": [],
        "locks_lost": [],
        "interval": 20.0,
    }
    shape = viewer.get("agents/far").json()
    assert (shape["activity"], shape["pid"], shape["run"]) == ("working", None, 1)
    assert own.post("agents/far/deregister", {"reason": "done"}).json()["status"] == (
        "stopped"
    )
    assert own.post("agents/far/heartbeat").status_code == 401


def test_who_may_not_operate_registers_and_deregisters_nobody(
    operator: Program,
    configurer: Program,
    viewer: Program,
    stranger: Program,
    bob: User,
    make_agent: MakeAgent,
) -> None:
    far, near = registered("far", bob), registered("near", bob)
    hubs = with_token(run_of(make_agent("web")))
    for one, status in (
        (viewer, 403),
        (stranger, 401),
        (hubs, 403),
        (Program(near.token), 403),
    ):
        assert one.post("agents/far/deregister").status_code == status
        assert one.post("agents/register", ABOUT).status_code == status
    assert Program(far.token).post("agents/register", ABOUT).status_code == 403
    assert Agent.objects.get(name="far").status == "running"
    # By a person who may: its own, and with the right to configure anybody's.
    assert operator.post("agents/register", ABOUT).status_code == 201
    assert configurer.post("agents/register", ABOUT).status_code == 201
    assert operator.post("agents/register", ABOUT).status_code == 409
    assert operator.post("agents/far/deregister").status_code == 200
    assert operator.post("agents/far/deregister").status_code == 200
    assert operator.post("agents/web/deregister").status_code == 409
    assert operator.post("agents/nobody/deregister").status_code == 404


def test_the_old_runs_token_dies_when_it_registers_again(operator: Program) -> None:
    first = Program(operator.post("agents/register", ABOUT).json()["token"])
    again = operator.post("agents/register", {"name": "far"}).json()
    assert (again["run"], again["agent"]["role"]) == (2, "review")
    assert first.post("agents/far/heartbeat").status_code == 401
    assert Program(again["token"]).post("agents/far/heartbeat").status_code == 200


@pytest.mark.parametrize("action", ["start", "stop", "restart", "kill"])
def test_the_hub_neither_starts_nor_stops_it_and_says_so(
    action: str, operator: Program, bob: User, make_agent: MakeAgent
) -> None:
    make_agent("web", labels={"a": "b"})
    registered("far", bob, labels={"a": "b"})
    response = operator.post(f"agents/far/{action}")
    assert response.status_code == 409
    assert "started elsewhere" in response.json()["detail"]
    named = {"action": action, "names": ["far", "web"]}
    far, web = operator.post("agents/batch", named).json()["results"]
    assert (far["name"], far["ok"], far["status"]) == ("far", False, "running")
    assert "started elsewhere" in far["detail"]
    assert (web["name"], web["ok"]) == ("web", True)
    for group in ({"all": True}, {"labels": {"a": "b"}}):
        told = operator.post("agents/batch", {"action": action} | group).json()
        assert [one["name"] for one in told["results"]] == ["web"]
    assert not Request.objects.filter(agent_name="far").exists()
    assert Agent.objects.get(name="far").status == "running"


def test_how_it_is_is_looked_at_when_somebody_reads(viewer: Program, bob: User) -> None:
    one = registered("far", bob)
    silent_for(one.run, 61)
    for path in ("agents/far", "agents/far/status"):
        assert viewer.get(path).json()["status"] == "unknown"
    silent_for(one.run, 300)
    (row,) = viewer.get("agents?kind=external").json()["items"]
    assert (row["status"], row["source"]) == ("stopped", "heartbeat")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "batch"}, "name"),
        ({"name": "far", "capabilities": [1]}, "capabilities.0"),
        ({"name": "far", "labels": {"a": "x" * 201}}, "labels.a"),
        ({"name": "far", "command": ["sh"]}, "command"),
    ],
)
def test_what_is_wrong_is_said_by_its_name(
    operator: Program, body: Any, field: str
) -> None:
    response = operator.post("agents/register", body)
    assert response.status_code == 422, response.content
    assert [one["field"] for one in response.json()["errors"]] == [field]
    assert not Agent.objects.exists()


def test_a_person_who_has_lost_the_right_keeps_no_agent_from_living(
    bob: User, vera: User
) -> None:
    """Its token is its run's: what it may do is to live, whoever brought it."""
    told = program(bob, "operate").post("agents/register", ABOUT).json()
    bob.user_permissions.clear()
    assert Program(told["token"]).post("agents/far/heartbeat").status_code == 200


def test_agents_from_outside_meet_at_a_barrier_with_their_own_tokens(
    operator: Program, bob: User
) -> None:
    parties = {"name": "build", "parties": ["far", "near"]}
    far, near = registered("far", bob), registered("near", bob)
    assert operator.post("barriers", parties).status_code == 201
    waits = Program(far.token).post("barriers/build/arrive", {"agent": "far"}).json()
    assert (waits["state"], waits["missing"]) == ("waiting", ["near"])
    # Not in another's name.
    other = Program(far.token).post("barriers/build/arrive", {"agent": "near"})
    assert other.status_code == 403
    met = Program(near.token).post("barriers/build/arrive", {"agent": "near"}).json()
    assert (met["state"], met["missing"]) == ("tripped", [])


def test_one_that_goes_before_it_arrives_breaks_the_barrier(
    operator: Program, viewer: Program, bob: User
) -> None:
    far, near = registered("far", bob), registered("near", bob)
    operator.post("barriers", {"name": "build", "parties": ["far", "near"]})
    Program(far.token).post("barriers/build/arrive", {"agent": "far"})
    Program(near.token).post("agents/near/deregister", {"reason": "tired"})
    seen = viewer.get("barriers/build").json()
    assert "broken" in str(seen) and "near ended before it arrived" in str(seen)


def test_one_that_is_gone_can_be_deleted_and_its_name_is_free(
    configurer: Program, operator: Program, bob: User
) -> None:
    registered("far", bob)
    assert configurer.call("DELETE", "agents/far").status_code == 409
    assert operator.post("agents/far/deregister").status_code == 200
    assert configurer.call("DELETE", "agents/far").status_code == 204
    assert operator.post("agents/register", {"name": "far"}).json()["run"] == 1


def test_its_locks_live_by_its_heartbeats_and_it_is_told_what_it_lost(
    bob: User, tmp_path: Path, viewer: Program
) -> None:
    far, near = registered("far", bob), registered("near", bob)
    mine, others = Program(far.token), Program(near.token)

    def ask(one: Program, agent: str) -> Any:
        wanted = {"workspace": str(tmp_path), "paths": ["a.py"], "mode": "exclusive"}
        return one.post("locks", wanted | {"agent": agent})

    (lock,) = ask(mine, "far").json()["locks"]
    assert lock["expires_at"] is not None
    assert ask(others, "near").status_code == 409
    # Its heartbeats keep it, however long.
    for _ in range(3):
        silent_for(far.run, 50)
        assert mine.post("agents/far/heartbeat").json()["locks_lost"] == []
        assert ask(others, "near").status_code == 409
    silent_for(far.run, 61)
    (taken,) = ask(others, "near").json()["locks"]
    assert taken["fence"] > lock["fence"]
    lost = mine.post("agents/far/heartbeat").json()["locks_lost"]
    assert lost == [{key: lock[key] for key in ("id", "pattern", "fence")}]
    assert mine.post(f"locks/{lock['id']}/renew").status_code == 409
    # Who lets go itself has lost nothing.
    assert others.post(f"locks/{taken['id']}/release").status_code == 200
    assert others.post("agents/near/heartbeat").json()["locks_lost"] == []


def test_a_lock_that_a_person_has_stolen_is_told_with_the_next_heartbeat(
    bob: User, tmp_path: Path, operator: Program
) -> None:
    far = registered("far", bob)
    mine = Program(far.token)
    wanted = {"workspace": str(tmp_path), "paths": ["a", "b"], "mode": "exclusive"}
    locks = mine.post("locks", wanted | {"agent": "far"}).json()["locks"]
    stolen = operator.post(f"locks/{locks[0]['id']}/steal", {"reason": "I need it."})
    assert stolen.status_code == 200, stolen.content
    told = mine.post("agents/far/heartbeat").json()["locks_lost"]
    assert [one["pattern"] for one in told] == ["a", "b"]
