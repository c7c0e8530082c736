"""Writing to a program's standard input by the API."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from agents.models import FirstAnswer, Run
from agents.services import standard_input
from tests.api.conftest import Program
from tests.api.test_callers import with_token
from tests.harness.inputs import held_open, run_with_input
from tests.pages.conftest import MakeAgent, make_agent

__all__ = ["make_agent"]

INPUT = "agents/web/input"


@pytest.fixture
def pipe(make_agent: MakeAgent, data: Path) -> Iterator[int]:
    """The input of a run of `web`, as its processes have it open."""
    _, path = run_with_input(make_agent("web", stdin="fifo"), data)
    with held_open(path) as descriptor:
        yield descriptor


def test_who_may_operate_writes_and_the_audit_says_how_much(
    pipe: int, operator: Program
) -> None:
    response = operator.post(INPUT, {"text": "stätus\n"})
    assert response.status_code == 200, response.content
    assert response.json() == {"run": 1, "bytes": 8}
    assert os.read(pipe, 100) == "stätus\n".encode()
    line = LogEntry.objects.get(object_repr="web")
    assert (line.user.username, line.change_message) == (
        "bob",
        "Wrote 8 bytes to its input by the token 'operate'.",
    )


def test_others_may_not(
    pipe: int,
    configurer: Program,
    viewer: Program,
    stranger: Program,
) -> None:
    assert viewer.post(INPUT, {"text": "x"}).status_code == 403
    assert stranger.post(INPUT, {"text": "x"}).status_code == 401
    assert with_token(Run.objects.get()).post(INPUT, {"text": "x"}).status_code == 403
    with pytest.raises(BlockingIOError):
        os.read(pipe, 1)
    assert LogEntry.objects.filter(object_repr="web").count() == 0
    assert configurer.post(INPUT, {"text": "x"}).status_code == 200


def test_a_repeat_with_its_key_writes_nothing_again(
    pipe: int, operator: Program
) -> None:
    first = operator.post(INPUT, {"text": "once\n"}, Idempotency_Key="k")
    again = operator.post(INPUT, {"text": "once\n"}, Idempotency_Key="k")
    assert first.content == again.content
    assert again["Idempotency-Replayed"] == "true"
    assert os.read(pipe, 100) == b"once\n"
    assert operator.post(INPUT, {"text": "x"}, Idempotency_Key="k").status_code == 422


def test_a_program_that_does_not_read_is_a_conflict_that_may_pass(
    pipe: int, operator: Program
) -> None:
    full = "x" * standard_input.MOST
    assert operator.post(INPUT, {"text": full}).status_code == 200
    refused = operator.post(INPUT, {"text": "more"}, Idempotency_Key="k")
    assert (refused.status_code, refused["Retry-After"]) == (409, "1")
    assert "has not read" in refused.json()["detail"]
    assert LogEntry.objects.filter(object_repr="web").count() == 1
    assert FirstAnswer.objects.count() == 0
    assert os.read(pipe, standard_input.MOST) == full.encode()
    done = operator.post(INPUT, {"text": "more"}, Idempotency_Key="k")
    assert done.status_code == 200
    assert os.read(pipe, 100) == b"more"


def test_who_has_no_input_is_a_conflict_that_says_what_to_change(
    pipe: int, operator: Program, make_agent: MakeAgent
) -> None:
    make_agent("idle")
    refused = operator.post("agents/idle/input", {"text": "x"})
    assert refused.status_code == 409 and "Retry-After" not in refused
    assert "is not running: start it" in refused.json()["detail"]
    assert operator.post("agents/nobody/input", {"text": "x"}).status_code == 404


def test_too_long_a_text_is_too_large(pipe: int, operator: Program) -> None:
    refused = operator.post(INPUT, {"text": "é" * (standard_input.MOST // 2) + "x"})
    assert refused.status_code == 413
    assert refused.json()["errors"][0]["field"] == "text"


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": 1}, {"text": "x", "n": 1}])
def test_what_is_no_text_is_refused(pipe: int, operator: Program, body: Any) -> None:
    assert operator.post(INPUT, body).status_code == 422
