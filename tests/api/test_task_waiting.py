"""Waiting for what agents do, while a supervisor has them do it."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from agents.policy.states import Action
from tests.api.conftest import Program
from tests.harness.native import native
from tests.harness.supervisor import Cast
from tests.harness.waiting import until

pytestmark = pytest.mark.usefixtures("supervisor")


def test_who_asks_and_waits_is_given_the_result(cast: Cast, operator: Program) -> None:
    native(cast).start_native()
    body = {"prompt": "Say hello", "wait": 60}
    response = operator.post("agents/thinker/tasks", body, Idempotency_Key="k")
    assert response.status_code == 201, response.content
    found = response.json()
    assert found["state"] == "succeeded"
    assert found["result"]
    again = operator.post("agents/thinker/tasks", body, Idempotency_Key="k")
    assert again.content == response.content


def test_who_looks_and_waits_is_told_of_each_step_and_of_the_end(
    cast: Cast, operator: Program, viewer: Program
) -> None:
    agent = native(cast)
    task = operator.post("agents/thinker/tasks", {"prompt": "Say hello"}).json()
    path = f"tasks/{task['id']}"
    answers: dict[str, Any] = {}

    def look(name: str, of: str) -> None:
        answers[name] = viewer.get(of).json()

    waiting = [
        threading.Thread(target=look, args=("end", f"{path}?wait=60")),
        threading.Thread(target=look, args=("step", f"{path}/events?wait=60")),
    ]
    for one in waiting:
        one.start()
    agent.ask(Action.START)
    for one in waiting:
        one.join(90)
    assert answers["end"]["state"] == "succeeded"
    assert answers["step"]["items"]
    kinds: list[str] = []
    after = 0

    def read_on() -> bool:
        nonlocal after
        found = viewer.get(f"{path}/events?after={after}&wait=5").json()
        kinds.extend(one["kind"] for one in found["items"])
        after = found["next"]
        return found["state"] == "succeeded" and not found["more"]

    until(read_on, what="the last step")
    assert kinds[0] == "user"
    assert kinds[-1] == "answer"


def test_who_cancels_and_waits_is_told_that_it_has_ended(
    cast: Cast, operator: Program
) -> None:
    native(cast).start_native()
    task = operator.post("agents/thinker/tasks", {"prompt": "/pause 300"}).json()
    path = f"tasks/{task['id']}"
    until(lambda: operator.get(path).json()["state"] == "running", what="its begin")
    found = operator.post(f"{path}/cancel", {"wait": 60}).json()
    assert found["state"] == "cancelled"
