"""Batches, for programs."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from agents.models import Barrier, Batch, BatchItem
from agents.services import batch_steps
from tests.api.conftest import Program
from tests.harness.engine import thinker
from tests.services.fleet import make_agent, make_fleet

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]


def test_one_is_made_looked_at_listed_and_cancelled(
    operator: Program, viewer: Program
) -> None:
    make_fleet(3)
    body = {"action": "stop", "all": True, "at_once": 1, "reason": "an upgrade"}
    answer = operator.post("batches", body)
    assert answer.status_code == 201
    made = answer.json()
    assert answer["Location"] == f"/api/v1/batches/{made['id']}"
    assert (made["state"], made["whom"], made["at_once"]) == (
        "running",
        "all agents",
        1,
    )
    assert made["counts"] == {
        "waiting": 3,
        "begun": 0,
        "done": 0,
        "failed": 0,
        "cancelled": 0,
    }
    batch_steps.step()
    seen = viewer.get(f"batches/{made['id']}").json()
    assert [one["state"] for one in seen["items"]] == ["begun", "waiting", "waiting"]
    assert seen["items"][0]["request"]
    listed = viewer.get("batches?state=running").json()["items"]
    assert [one["id"] for one in listed] == [made["id"]]
    assert "items" not in listed[0]
    cancelled = operator.post(f"batches/{made['id']}/cancel", {"reason": "too early"})
    assert cancelled.json()["cancelled_by"] == "bob"
    assert cancelled.json()["counts"]["cancelled"] == 2
    words = LogEntry.objects.filter(content_type__model="batch").order_by("pk")
    told = [one.change_message.partition(" ")[0] for one in words]
    assert told == ["Made", "Cancelled"]


def test_agents_are_chosen_by_labels_or_names_and_an_unknown_one_is_a_failure(
    operator: Program,
) -> None:
    make_agent("web", labels={"team": "search"})
    make_agent("other")
    by_label = operator.post(
        "batches", {"action": "start", "labels": {"team": "search"}}
    )
    assert [one["agent"] for one in by_label.json()["items"]] == ["web"]
    assert by_label.json()["whom"] == "team=search"
    by_name = operator.post("batches", {"action": "start", "names": ["web", "wbe"]})
    items = {one["agent"]: one for one in by_name.json()["items"]}
    assert items["web"]["state"] == "waiting"
    assert items["wbe"]["state"] == "failed"
    assert "There is no agent 'wbe'" in items["wbe"]["detail"]


def test_agents_are_asked_for_work(operator: Program) -> None:
    thinker("one")
    ask = {"prompt": "What is here?", "priority": 2}
    made = operator.post("batches", {"ask": ask, "all": True}).json()
    assert (made["action"], made["prompt"]) == ("ask", "What is here?")
    batch_steps.step()
    assert BatchItem.objects.get().task is not None


def test_a_call_that_is_sent_again_makes_no_second_batch(operator: Program) -> None:
    make_fleet(1)
    body = {"action": "start", "all": True}
    first = operator.post("batches", body, Idempotency_Key="one")
    again = operator.post("batches", body, Idempotency_Key="one")
    assert (first.content, first["Location"]) == (again.content, again["Location"])
    assert Batch.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"action": "start"}, "exactly one of"),
        ({"action": "start", "all": True, "names": ["web"]}, "exactly one of"),
        ({"all": True}, 'either "action" or "ask"'),
        ({"all": True, "action": "stop", "ask": {"prompt": "x"}}, "either"),
        ({"all": True, "ask": {"prompt": " "}}, "ask.prompt"),
        ({"all": True, "action": "stop", "at_once": 0}, "at_once"),
        ({"labels": {"no": "body"}, "action": "stop"}, "No agent is chosen"),
    ],
)
def test_what_cannot_be_meant_says_what_to_change(
    operator: Program, body: dict[str, Any], word: str
) -> None:
    make_fleet(1)
    answer = operator.post("batches", body)
    assert answer.status_code == 422
    assert word in answer.content.decode().replace("\\", "")
    assert not Batch.objects.exists()


def test_there_is_no_other_batch(operator: Program) -> None:
    assert operator.get("batches/77").status_code == 404
    assert operator.post("batches/77/cancel").status_code == 404


def test_who_may_only_look_makes_and_cancels_none(
    viewer: Program, operator: Program, configurer: Program
) -> None:
    make_fleet(1)
    body = {"action": "start", "all": True}
    for one, status in ((viewer, 403), (operator, 201), (configurer, 201)):
        assert one.post("batches", body).status_code == status
    number = Batch.objects.latest("pk").pk
    for one, status in ((viewer, 403), (operator, 200), (configurer, 200)):
        assert one.post(f"batches/{number}/cancel").status_code == status


def test_a_batch_waits_for_the_one_before_and_says_so(operator: Program) -> None:
    thinker("one")
    thinker("two")
    first = {"prompt": "Build.", "barrier": "built"}
    made = operator.post("batches", {"ask": first, "names": ["one", "two"]}).json()
    place = {"barrier": "built", "generation": 1}
    assert (made["arrives_at"], made["waits_for"]) == (place, None)
    assert Barrier.objects.get().members == ["one", "two"], "its agents are the parties"
    then = {"ask": {"prompt": "Test.", "after": "built"}, "names": ["one"]}
    waits = operator.post("batches", then).json()
    assert waits["waits_for"] == place
    assert waits["held"].startswith("It waits until all have arrived at built")
    batch_steps.step()
    listed = operator.get("batches").json()["items"]
    assert [one["counts"]["begun"] for one in listed] == [0, 2]
    refused = operator.post(
        "batches", {"ask": first | {"parties": 1}, "names": ["one"]}
    )
    assert refused.status_code == 422
    assert "not like this one" in refused.content.decode()
