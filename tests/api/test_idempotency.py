"""A request that is sent again with its key does nothing again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from agents.models import FirstAnswer, Request
from agents.services import first_answers
from tests.api.conftest import Program
from tests.pages.conftest import MakeAgent, make_agent

__all__ = ["make_agent"]


def test_a_repeat_gives_the_first_answer_to_the_byte(
    make_agent: MakeAgent, operator: Program
) -> None:
    make_agent("web")
    first = operator.post("agents/web/start", {"reason": "r"}, Idempotency_Key="k 1")
    Request.objects.update(reason="changed since")
    make_agent("other")
    again = operator.post("agents/web/start", {"reason": "r"}, Idempotency_Key="k 1")
    assert first.status_code == again.status_code == 200
    assert first.content == again.content
    assert first["Content-Type"] == again["Content-Type"]
    assert "Idempotency-Replayed" not in first
    assert again["Idempotency-Replayed"] == "true"
    assert Request.objects.count() == 1
    assert LogEntry.objects.filter(object_repr="web").count() == 1


def test_the_key_of_another_request_is_refused(
    make_agent: MakeAgent, operator: Program
) -> None:
    make_agent("web")
    operator.post("agents/web/start", Idempotency_Key="k")
    for path, body in (
        ("agents/web/stop", None),
        ("agents/web/start", {"reason": "x"}),
        ("agents/batch", {"action": "start", "all": True}),
    ):
        refused = operator.post(path, body, Idempotency_Key="k")
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["field"] == "Idempotency-Key"
    assert Request.objects.count() == 1


def test_two_people_may_choose_the_same_key(
    make_agent: MakeAgent, operator: Program, configurer: Program
) -> None:
    make_agent("web")
    for one in (operator, configurer):
        response = one.post("agents/web/start", Idempotency_Key="k")
        assert response.status_code == 200
        assert "Idempotency-Replayed" not in response
    assert Request.objects.count() == 2


def test_what_was_refused_may_be_tried_again_with_the_same_key(
    make_agent: MakeAgent, operator: Program
) -> None:
    assert operator.post("agents/w/stop", Idempotency_Key="k").status_code == 404
    make_agent("w")
    assert operator.post("agents/w/stop", Idempotency_Key="k").status_code == 200


def test_a_conflict_that_left_a_request_is_kept(
    make_agent: MakeAgent, operator: Program
) -> None:
    make_agent("web")
    body = {"wait": 1}
    first = operator.post("agents/web/start", body, Idempotency_Key="k")
    again = operator.post("agents/web/start", body, Idempotency_Key="k")
    assert first.status_code == again.status_code == 409
    assert first.content == again.content
    assert again["Content-Type"] == "application/problem+json"
    assert Request.objects.count() == 1


def test_a_hub_that_was_killed_before_it_answered_doubles_nothing(
    make_agent: MakeAgent, operator: Program
) -> None:
    """Its row is there, without an answer; so is the request."""
    make_agent("web")
    operator.post("agents/web/start", {"wait": 1}, Idempotency_Key="k")
    FirstAnswer.objects.update(
        status=first_answers.OPEN, body=b"", content_type="", headers={}
    )
    again = operator.post("agents/web/start", {"wait": 1}, Idempotency_Key="k")
    assert again.status_code == 409
    assert "Idempotency-Replayed" not in again
    assert Request.objects.count() == 1
    assert FirstAnswer.objects.get().status == 409


def test_of_two_answers_the_first_is_kept(db: None) -> None:
    one = first_answers.claim("user 1", "k", "q")
    mine, other = (first_answers.Answer(200, "t", body, {}) for body in (b"1", b"2"))
    assert first_answers.keep(one.pk, mine) == mine
    assert first_answers.keep(one.pk, other) == mine


def test_a_key_is_free_again_after_a_day(
    make_agent: MakeAgent, operator: Program
) -> None:
    make_agent("web")
    operator.post("agents/web/start", Idempotency_Key="k")
    almost = timezone.now() - timedelta(hours=23, minutes=59)
    FirstAnswer.objects.update(at=almost)
    assert first_answers.prune() == 0
    again = operator.post("agents/web/start", Idempotency_Key="k")
    assert "Idempotency-Replayed" in again
    FirstAnswer.objects.update(at=timezone.now() - timedelta(hours=24, seconds=1))
    later = operator.post("agents/web/start", Idempotency_Key="k")
    assert "Idempotency-Replayed" not in later
    assert Request.objects.count() == 2
    FirstAnswer.objects.update(at=timezone.now() - timedelta(hours=25))
    assert first_answers.prune() == 1


@pytest.mark.parametrize("key", ["", " ", "x" * 101, "ä", "\x7f", "a\tb"])
def test_a_key_that_is_none_is_refused(
    key: str, make_agent: MakeAgent, operator: Program
) -> None:
    make_agent("web")
    response = operator.post("agents/web/start", Idempotency_Key=key)
    assert response.status_code == 422, response.content
    assert not Request.objects.exists()


def test_the_header_is_in_the_description(viewer: Program) -> None:
    paths = viewer.get("openapi.json").json()["paths"]
    told = paths["/api/v1/agents/{name}/start"]["post"]["parameters"]
    assert {"name", "Idempotency-Key"} == {one["name"] for one in told}
