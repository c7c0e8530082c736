"""Agents from outside, through the API: registered, alive, gone, and never started."""

from __future__ import annotations

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
