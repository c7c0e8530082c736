"""What a page may say, and what is refused before anything looks at it."""

from __future__ import annotations

from typing import Any

import pytest

from agents.live.subscription import (
    LogPosition,
    Malformed,
    Subscription,
    TaskPosition,
    parse_message,
    parse_subscription,
)


def test_a_list_says_its_rows_and_where_it_is() -> None:
    message = {"topics": ["agents"], "ids": [3, 1], "known": 3, "after": 17}
    assert parse_subscription(message) == Subscription(
        agents=True, ids=frozenset({1, 3}), known=3, after=17
    )


def test_an_agents_page_says_up_to_where_its_output_goes() -> None:
    message = {
        "topics": ["agent:web", "logs:web"],
        "logs": {"run": 4, "out": 1200, "err": 0},
    }
    assert parse_subscription(message) == Subscription(
        agent="web", logs=LogPosition(4, 1200, 0)
    )


def test_output_is_followed_only_where_it_is_asked_for() -> None:
    held = {"topics": ["agent:web"], "logs": {"run": 4, "out": 1, "err": 1}}
    assert parse_subscription(held).logs is None


def test_a_tasks_page_says_up_to_where_it_shows_it() -> None:
    place = {"step": 3, "run": 1, "offset": 70, "thinks": True}
    message = {"topics": ["task:12"], "task": place}
    assert parse_subscription(message) == Subscription(
        task=12, transcript=TaskPosition(12, 3, 1, 70, True)
    )


def test_a_page_with_earlier_steps_follows_the_state_alone() -> None:
    assert parse_subscription({"topics": ["task:12"]}) == Subscription(task=12)


def test_a_list_of_tasks_says_its_rows() -> None:
    message = {"topics": ["tasks"], "task_ids": [4, 5], "known": 5}
    assert parse_subscription(message) == Subscription(
        tasks=True, task_ids=frozenset({4, 5}), known=5
    )


@pytest.mark.parametrize(
    "message",
    [
        {"topics": ["task:"]},
        {"topics": ["task:x"]},
        {"topics": ["task:1", "task:2"]},
        {"topics": ["task:" + "9" * 30]},
        {"topics": ["task:1"], "task": 5},
        {"topics": ["task:1"], "task": {"step": -1}},
        {"topics": ["task:1"], "task": {"thinks": "yes"}},
        {"topics": ["tasks"], "task_ids": ["1"]},
        {"topics": "agents"},
        {"topics": ["everything"]},
        {"topics": ["agent:"]},
        {"topics": ["agent:one", "logs:two"], "logs": {}},
        {"topics": ["agents"], "ids": "1"},
        {"topics": ["agents"], "ids": [-1]},
        {"topics": ["agents"], "ids": [True]},
        {"topics": ["agents"], "ids": [1.5]},
        {"topics": ["agents"], "ids": list(range(6000))},
        {"topics": ["agents"], "after": -1},
        {"topics": ["agents"], "after": 2**63},
        {"topics": ["logs:web"]},
        {"topics": ["logs:web"], "logs": {"run": "1"}},
    ],
)
def test_anything_else_is_refused(message: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        parse_subscription(message)


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", '{"type": 1}', "[" * 100_000])
def test_what_is_no_message_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_message(text)
