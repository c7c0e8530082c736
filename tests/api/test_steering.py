"""Steering: the same requests as by hand, one agent or many, for who may operate."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from agents.api.waits import MOST, SEATS
from agents.models import Agent, Request
from tests.api.conftest import Program
from tests.api.test_callers import with_token
from tests.harness.recorded import run_of
from tests.pages.conftest import MakeAgent, make_agent

__all__ = ["make_agent"]

ACTIONS = ("start", "stop", "restart", "kill")


@pytest.mark.parametrize("action", ACTIONS)
def test_a_request_is_recorded_as_by_hand_and_in_the_audit(
    action: str, make_agent: MakeAgent, operator: Program
) -> None:
    make_agent("web")
    response = operator.post(f"agents/web/{action}", {"reason": "because"})
    assert response.status_code == 200, response.content
    wanted = "running" if action in {"start", "restart"} else "stopped"
    assert response.json()["desired_state"] == wanted
    request = Request.objects.get()
    assert (request.action, request.actor, request.via, request.reason) == (
        action,
        "bob",
        "api: operate",
        "because",
    )
    (line,) = LogEntry.objects.exclude(object_repr__contains="operate")
    assert line.change_message == (f"Asked to {action} by the token 'operate': because")


def test_no_body_is_enough(make_agent: MakeAgent, operator: Program) -> None:
    make_agent("web")
    assert operator.post("agents/web/start").status_code == 200
    assert operator.post("agents/web/stop", {}).status_code == 200


def test_only_who_may_operate_steers(
    make_agent: MakeAgent,
    configurer: Program,
    viewer: Program,
    stranger: Program,
) -> None:
    web = make_agent("web")
    run = run_of(web)
    Agent.objects.filter(pk=web.pk).update(status="running", run=run)
    body = {"action": "stop", "names": ["web"]}
    for one, status in (
        (viewer, 403),
        (with_token(run), 403),
        (stranger, 401),
        (configurer, 200),
    ):
        assert one.post("agents/batch", body).status_code == status
        for action in ACTIONS:
            assert one.post(f"agents/web/{action}").status_code == status, action


@pytest.mark.parametrize(
    "body",
    [
        {"wait": -1},
        {"wait": 601},
        {"wait": "5"},
        {"wait": True},
        '{"wait": NaN}',
        '{"wait": 1e999}',
        {"reason": "x" * 501},
        {"reason": "\0"},
        '{"reason": "\\ud800"}',
        {"reason": 5},
        {"resaon": "misspelt"},
        '{"\\ud800": 1}',
        [],
        "5",
    ],
)
def test_a_body_that_makes_no_sense_is_refused(
    body: Any, make_agent: MakeAgent, operator: Program
) -> None:
    make_agent("web")
    response = operator.post("agents/web/stop", body)
    assert response.status_code == 422, response.content
    assert response["Content-Type"] == "application/problem+json"
    assert not Request.objects.exists()


def test_an_unknown_agent_or_a_part_of_the_hub_is_not_steered(
    make_agent: MakeAgent, operator: Program
) -> None:
    make_agent("cluster", internal=True)
    assert operator.post("agents/nobody/stop").status_code == 404
    assert operator.post("agents/cluster/stop").status_code == 409
    assert not Request.objects.exists()


def test_waiting_without_a_supervisor_is_told_at_once_and_recorded(
    make_agent: MakeAgent, operator: Program
) -> None:
    make_agent("web")
    response = operator.post("agents/web/start", {"wait": 600})
    assert response.status_code == 409
    problem = response.json()
    assert "no supervisor" in problem["detail"]
    assert problem["agent"]["name"] == "web"
    assert problem["agent"]["desired_state"] == "running"
    assert Request.objects.get().outcome == ""


def test_who_finds_all_seats_taken_is_told_when_to_come_again(
    make_agent: MakeAgent, operator: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_agent("web")
    monkeypatch.setattr(SEATS, "taken", MOST)
    response = operator.post("agents/web/stop", {"wait": 1})
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert not Request.objects.exists()
    assert operator.post("agents/web/stop").status_code == 200


def test_a_batch_answers_for_each_and_the_unknown_stop_no_others(
    make_agent: MakeAgent, operator: Program
) -> None:
    for name in ("a", "b", "c"):
        make_agent(name)
    body = {"action": "restart", "names": ["b", "nobody", "a", "b"]}
    results = operator.post("agents/batch", body).json()["results"]
    assert [(one["name"], one["ok"], one["status"]) for one in results] == [
        ("b", True, "stopped"),
        ("nobody", False, None),
        ("a", True, "stopped"),
    ]
    assert set(Request.objects.values_list("agent_name", flat=True)) == {"a", "b"}


def test_a_batch_is_chosen_by_labels_or_is_all(
    make_agent: MakeAgent, operator: Program
) -> None:
    make_agent("a", labels={"team": "web", "tier": "1"})
    make_agent("b", labels={"team": "web"})
    make_agent("c")
    make_agent("cluster", internal=True)
    for chosen, names in (
        ({"labels": {"team": "web"}}, ["a", "b"]),
        ({"labels": {"team": "web", "tier": "1"}}, ["a"]),
        ({"labels": {"team": "db"}}, []),
        ({"all": True}, ["a", "b", "c"]),
    ):
        response = operator.post("agents/batch", {"action": "stop", **chosen})
        assert response.status_code == 200, response.content
        assert [one["name"] for one in response.json()["results"]] == names
        assert all(one["ok"] for one in response.json()["results"])


def test_a_batch_that_waits_without_a_supervisor_says_so_of_each(
    make_agent: MakeAgent, operator: Program
) -> None:
    make_agent("a")
    body = {"action": "start", "names": ["a", "x"], "wait": 5}
    results = operator.post("agents/batch", body).json()["results"]
    assert [one["ok"] for one in results] == [False, False]
    assert "no supervisor" in results[0]["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"action": "stop"},
        {"action": "dance", "all": True},
        {"action": "stop", "all": False},
        {"action": "stop", "all": 1},
        {"action": "stop", "names": None},
        {"action": "stop", "names": []},
        {"action": "stop", "names": ["\0"]},
        {"action": "stop", "names": [5]},
        {"action": "stop", "labels": {}},
        {"action": "stop", "labels": {"a": 1}},
        {"action": "stop", "names": ["a"], "all": True},
        {"action": "stop", "names": ["a"] * 1001},
    ],
)
def test_a_batch_that_makes_no_sense_is_refused(body: Any, operator: Program) -> None:
    response = operator.post("agents/batch", body)
    assert response.status_code == 422, response.content
