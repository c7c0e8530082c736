"""Whose turn it is to start, in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agents.policy.dependencies import Condition, Dependency
from agents.policy.ordering import Decision, Other, Verdict, down_reason, may_start
from agents.policy.states import Desired, Status

RUNNING = Other(
    name="store",
    desired=Desired.RUNNING,
    settled=True,
    proved=True,
    healthy=True,
    status=Status.RUNNING,
    reason="the program was executed",
    source="spawn",
)
COMPLETED = replace(
    RUNNING, status=Status.STOPPED, reason="completed", source="exit status"
)
ALL = list(Condition)


def seen(**facts: Any) -> Other:
    return replace(RUNNING, **facts)


def decide(condition: Condition, *others: Other) -> Decision:
    by_name = {one.name: one for one in others}
    return may_start((Dependency("store", condition),), by_name.get)


@pytest.mark.parametrize(
    ("condition", "other"),
    [
        (Condition.STARTED, RUNNING),
        (Condition.STARTED, seen(healthy=False)),
        (Condition.STARTED, COMPLETED),
        (Condition.HEALTHY, RUNNING),
        (Condition.COMPLETED, COMPLETED),
    ],
)
def test_it_starts_when_the_condition_holds(condition: Condition, other: Other) -> None:
    assert decide(condition, other) == Decision(Verdict.START)


@pytest.mark.parametrize(
    ("condition", "other", "words"),
    [
        ("started", seen(status=Status.STARTING), "be started (store is starting)"),
        ("started", seen(proved=False), "be started (store is starting)"),
        ("started", seen(status=Status.BACKOFF), "be started (store is backoff)"),
        ("started", seen(settled=False), "be started (store is running)"),
        (
            "started",
            seen(status=Status.CRASHED, settled=False),
            "be started (store is starting)",
        ),
        (
            "started",
            seen(status=Status.STOPPED, settled=False, source="dependency"),
            "be started (store waits itself)",
        ),
        (
            "healthy",
            seen(healthy=False),
            "be healthy (store is running, not yet healthy)",
        ),
        ("healthy", seen(status=Status.STARTING), "be healthy (store is starting)"),
        ("completed", RUNNING, "complete (store is running)"),
        ("completed", seen(status=Status.UNKNOWN), "complete (store is unknown)"),
    ],
)
def test_it_waits_while_it_may_still_come_to_be(
    condition: str, other: Other, words: str
) -> None:
    decision = decide(Condition(condition), other)
    assert decision == Decision(Verdict.WAIT, f"waits for store to {words}")


@pytest.mark.parametrize("condition", ALL)
@pytest.mark.parametrize(
    ("other", "words"),
    [
        (seen(status=Status.CRASHED, reason="exit 1"), "store has crashed: exit 1"),
        (
            seen(status=Status.STOPPED, desired=Desired.STOPPED, reason="by bob"),
            "store was stopped: by bob",
        ),
        (
            seen(status=Status.STOPPED, reason="gone", source="adoption"),
            "store is stopped: gone",
        ),
    ],
)
def test_what_needs_a_person_refuses_the_start(
    condition: Condition, other: Other, words: str
) -> None:
    decision = decide(condition, other)
    assert decision == Decision(Verdict.REFUSE, f"not started: {words}")


def test_what_has_completed_will_not_be_healthy() -> None:
    decision = decide(Condition.HEALTHY, COMPLETED)
    assert decision.verdict is Verdict.REFUSE
    assert "has completed and will not be healthy" in decision.reason


def test_what_is_gone_refuses_the_start() -> None:
    assert decide(Condition.STARTED).reason == "not started: there is no store"


def test_every_one_that_is_waited_for_is_told() -> None:
    needs = (
        Dependency("store", Condition.HEALTHY),
        Dependency("queue", Condition.STARTED),
    )
    others = {
        "store": seen(healthy=False),
        "queue": seen(name="queue", status=Status.STARTING),
    }
    assert may_start(needs, others.get).reason == (
        "waits for store to be healthy (store is running, not yet healthy) "
        "and queue to be started (queue is starting)"
    )


def test_only_what_is_down_for_good_is_missed() -> None:
    others = [
        seen(name="a", status=Status.CRASHED),
        seen(name="b", status=Status.BACKOFF),
        seen(name="c", status=Status.STOPPED, settled=False),
        COMPLETED,
    ]
    assert down_reason(others) == "it depends on others that are down: a is crashed"
    assert down_reason(others[1:]) == ""
