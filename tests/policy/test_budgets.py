"""What may be written as a budget, and when a task has used its own."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from agents.policy import budgets


@pytest.mark.parametrize(
    "value", [{}, {"day": 5}, {"month": 0.01}, {"day": 2.5, "month": 80}]
)
def test_an_agents_budget_is_for_a_day_a_month_or_both(value: Any) -> None:
    assert budgets.agent_problem(value) is None


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], "Give USD for a day"),
        ("5", "Give USD for a day"),
        ({"week": 5}, "There is no period 'week'. Use day or month."),
        ({"dya": 5}, "Did you mean 'day'?"),
        ({"day": "5"}, "day: Give USD as a number"),
        ({"day": True}, "day: Give USD as a number"),
        ({"day": None}, "day: Give USD as a number"),
        ({"day": 0}, "day: Give more than 0"),
        ({"month": -1}, "month: Give more than 0"),
        ({"day": 0.001}, "day: Give 0.01 USD or more"),
        ({"day": float("nan")}, "not endless"),
        ({"day": float("inf")}, "not endless"),
        ({"day": 10**9}, "10,000,000 USD at most"),
    ],
)
def test_what_is_wrong_with_an_agents_budget_is_said(value: Any, said: str) -> None:
    assert said in (budgets.agent_problem(value) or "")


@pytest.mark.parametrize(
    "value", [{}, {"usd": 1.5}, {"tokens": 200_000}, {"usd": 0.0001, "tokens": 1}]
)
def test_a_tasks_budget_is_usd_tokens_or_both(value: Any) -> None:
    assert budgets.task_problem(value) is None


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "A budget gives USD, tokens or both"),
        ({"eur": 1}, "A budget has no 'eur'. Use usd or tokens."),
        ({"token": 1}, "Did you mean 'tokens'?"),
        ({"usd": "1.5"}, "The budget's usd: Give USD as a number"),
        ({"usd": 0}, "The budget's usd: Give more than 0"),
        ({"tokens": 1.5}, "The budget's tokens: Give a whole number"),
        ({"tokens": True}, "The budget's tokens: Give a whole number"),
        ({"tokens": 0}, "The budget's tokens: Give 1 to"),
    ],
)
def test_what_is_wrong_with_a_tasks_budget_is_said(value: Any, said: str) -> None:
    assert said in (budgets.task_problem(value) or "")


def test_a_task_ends_at_its_budget_and_not_before() -> None:
    budget = {"usd": 0.1, "tokens": 1000}
    assert budgets.task_refusal(budget, Decimal("0.099999999"), 999) == ""
    assert "0.1 USD" in budgets.task_refusal(budget, Decimal("0.1"), 0)
    assert budgets.task_refusal(budget, Decimal(0), 1000) == (
        "The task's budget is 1,000 tokens, and 1,000 are used."
    )


def test_a_task_without_a_budget_has_no_end() -> None:
    assert budgets.task_refusal({}, Decimal(10**6), 10**9) == ""
