"""The fleet brake, for programs."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry

from agents.models import Agent, Brake, Request
from agents.services import brake
from tests.api.conftest import Program
from tests.services.fleet import make_agent, settle

pytestmark = pytest.mark.django_db

WHY = {"reason": "they delete files"}


def running(name: str = "web") -> Agent:
    agent = make_agent(name)
    settle(agent, status="running", desired_state="running")
    return agent


def test_it_is_pulled_told_and_released(operator: Program, viewer: Program) -> None:
    running()
    assert viewer.get("brake").json() == {
        "pulled": False,
        "since": None,
        "by": None,
        "via": None,
        "reason": None,
        "agents": None,
        "work": None,
        "stopped": [],
        "interrupted": [],
    }
    pulled = operator.post("brake", {**WHY, "stop": True})
    assert pulled.status_code == 200
    told = pulled.json()
    assert told["pulled"] is True and told["since"].endswith("Z")
    assert (told["by"], told["reason"]) == ("bob", "they delete files")
    assert (told["agents"], told["work"]) == ("stop", "interrupt")
    assert told["stopped"] == ["web"]
    assert viewer.get("brake").json() == told
    assert viewer.get("summary").json()["brake"] == told
    assert viewer.get("healthz").json()["brake"] == told
    released = operator.post("brake/release", {"reason": "well", "go_on": True})
    assert released.json()["pulled"] is False
    actions = Request.objects.order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["stop", "start"]
    log = LogEntry.objects.filter(content_type__model="brake").order_by("pk")
    words = log.values_list("change_message", flat=True)
    assert [one.partition(" by ")[0] for one in words] == ["Pulled", "Released"]


def test_pulled_twice_the_first_one_is_answered(
    operator: Program, configurer: Program
) -> None:
    first = operator.post("brake", WHY).json()
    again = configurer.post("brake", {"reason": "me too", "stop": True})
    assert (again.status_code, again.json()) == (200, first)
    assert Brake.objects.count() == 1


def test_a_call_that_is_sent_again_pulls_no_second_brake(operator: Program) -> None:
    first = operator.post("brake", WHY, Idempotency_Key="one")
    operator.post("brake/release", WHY)
    again = operator.post("brake", WHY, Idempotency_Key="one")
    assert again.json() == first.json()
    assert again["Idempotency-Replayed"] == "true"
    assert brake.pulled() is None


def test_a_brake_that_is_not_pulled_is_not_released(operator: Program) -> None:
    answer = operator.post("brake/release", WHY)
    assert answer.status_code == 409
    assert answer.json()["detail"] == "The fleet brake is not pulled."


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "reason"),
        ({"reason": "  "}, "reason"),
        ({**WHY, "hard": True}, "hard"),
    ],
)
def test_a_pull_that_cannot_be_meant_says_what_to_change(
    operator: Program, body: dict[str, object], field: str
) -> None:
    answer = operator.post("brake", body)
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == [field]
    assert brake.pulled() is None


@pytest.mark.parametrize("path", ["brake", "brake/release"])
def test_who_may_only_look_neither_pulls_nor_releases(
    viewer: Program, operator: Program, configurer: Program, path: str
) -> None:
    operator.post("brake", WHY)
    for one, status in ((viewer, 403), (operator, 200), (configurer, 200)):
        assert one.post(path, WHY).status_code == status
        operator.post("brake", WHY)
    assert viewer.get("brake").status_code == 200


def test_strangers_are_told_nothing_of_it(operator: Program, stranger: Program) -> None:
    operator.post("brake", WHY)
    assert stranger.get("brake").status_code == 401
    assert stranger.get("healthz").json()["brake"] is None
