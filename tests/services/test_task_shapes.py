"""What programs read of tasks: the exact keys of the contract, and honest money."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agents.models import Task
from agents.policy.tasks import TaskState
from agents.services import steps, work
from agents.services.prices import Tokens
from agents.services.task_shapes import step_shape, task_shape
from tests.harness.engine import Engine, asked, said, thinker

pytestmark = pytest.mark.django_db

# The design's contract says "at least": what is more stands in a line of its own.
TASK = """
    id agent state prompt result error paths attempts created_at started_at ended_at
    usage cost
"""
TASK_TOO = """
    reason priority question conversation max_attempts run timeout idempotency_key
    created_by via not_before touched_outside budget answer cancel_asked_at
    arrives_at waits_for
"""


def shape(task: Task) -> Any:
    """As a program gets it."""
    row = Task.objects.select_related("run").get(pk=task.pk)
    return json.loads(json.dumps(task_shape(row), allow_nan=False))


def test_a_task_has_the_keys_of_the_contract() -> None:
    found = shape(asked(thinker(), paths=["docs/*.md"]))
    assert set(found) == set((TASK + TASK_TOO).split())
    assert found["state"] == "queued"
    assert found["paths"] == ["docs/*.md"]
    assert (found["result"], found["error"], found["run"]) == (None, None, None)
    assert found["created_at"].endswith("Z")
    assert (found["started_at"], found["ended_at"]) == (None, None)


def test_what_has_used_nothing_has_cost_nothing() -> None:
    found = shape(asked(thinker()))
    assert found["usage"] == dict.fromkeys(
        ("input", "cache_read", "cache_write", "output", "reasoning"), 0
    )
    assert found["cost"] == "0"


def test_an_ended_task_says_what_came_of_it_and_what_it_used(data: object) -> None:
    task = asked(thinker())
    engine = Engine.at_work(task)
    engine.commit(said("42"), tokens=Tokens(10, 3, 2, 7, 5))
    engine.end(result="42")
    found = shape(task)
    assert (found["state"], found["result"], found["run"]) == ("succeeded", "42", 1)
    assert (found["attempts"], found["max_attempts"]) == (1, 3)
    assert found["usage"] == {
        "input": 10,
        "cache_read": 3,
        "cache_write": 2,
        "output": 7,
        "reasoning": 5,
    }
    assert found["cost"] == "0"
    assert found["ended_at"] > found["started_at"]


def test_a_cost_is_unknown_as_soon_as_a_part_of_it_is() -> None:
    task = asked(thinker())
    engine = Engine.at_work(task)
    engine.commit(said("a"), tokens=Tokens(10), kind="compatible", model="own")
    engine.end(TaskState.FAILED, error="it broke")
    found = shape(task)
    assert found["cost"] is None
    assert found["error"] == "it broke"


def test_an_open_question_is_there() -> None:
    task = asked(thinker())
    work.ask_person(Engine.at_work(task).task, "Which of them?")
    assert shape(task)["question"] == "Which of them?"


def test_a_step_keeps_what_only_its_provider_can_read_to_itself() -> None:
    task = asked(thinker())
    engine = Engine.at_work(task)
    engine.commit(said("yes", thinking="hm"), steps.call("1", "read", {"path": "a"}))
    user, answer, call = (step_shape(row) for row in task.steps.order_by("number"))
    assert (user["kind"], user["data"]) == ("user", {"text": "What is here?"})
    assert set(answer["data"]) == {"text", "thinking", "calls", "stop"}
    assert call["data"]["arguments"] == {"path": "a"}
    assert [user["number"], answer["number"], call["number"]] == [1, 2, 3]
