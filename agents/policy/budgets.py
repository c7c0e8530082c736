"""What a budget may say: an agent's for a day and a month, a task's for all of it.

Pure: the standard library only. Money is USD, as a number; tokens are counted whole.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from agents.policy.hints import did_you_mean

PERIODS: Final = ("day", "month")
# Of USD and, for a task, of tokens: what is larger is a slip of the hand.
MOST_USD: Final = 10_000_000
MOST_TOKENS: Final = 10**12
# From this share on, people are warned.
WARN_AT: Final = Decimal("0.8")

USD_A_CENT: Final = Decimal("0.01")


def agent_problem(value: object) -> str | None:
    """What is wrong with an agent's `{"day": USD, "month": USD}`."""
    if not isinstance(value, Mapping):
        return 'Give USD for a day, a month or both, such as {"day": 5, "month": 80}.'
    for key, amount in value.items():
        if key not in PERIODS:
            hint = did_you_mean(str(key), PERIODS)
            shown = repr(key)[:60]
            return f"There is no period {shown}. {hint or 'Use day or month.'}"
        if problem := _usd_problem(amount):
            return f"{key}: {problem}"
        if amount < USD_A_CENT:
            return f"{key}: Give 0.01 USD or more, or leave it out for no limit."
    return None


def task_problem(value: object) -> str | None:
    """What is wrong with a task's `{"usd": USD, "tokens": COUNT}`."""
    if not isinstance(value, Mapping):
        return 'A budget gives USD, tokens or both: {"usd": 1.5, "tokens": 200000}.'
    for key, amount in value.items():
        if key == "usd":
            problem = _usd_problem(amount)
        elif key == "tokens":
            problem = _tokens_problem(amount)
        else:
            hint = did_you_mean(str(key), ("usd", "tokens"))
            shown = repr(key)[:60]
            return f"A budget has no {shown}. {hint or 'Use usd or tokens.'}"
        if problem:
            return f"The budget's {key}: {problem}"
    return None


def usd(amount: float | int) -> Decimal:
    """The amount as it was written: 0.1 is a tenth."""
    return Decimal(str(amount))


def task_refusal(budget: Mapping[str, Any], spent: Decimal, tokens: int) -> str:
    """Why a task has to end; empty while it has something left of its budget.

    `spent`: USD as far as anybody knows; `tokens`: of every kind.
    """
    limit = budget.get("usd")
    if limit is not None and spent >= usd(limit):
        return f"The task's budget is {usd(limit)} USD, and {_cents(spent)} are spent."
    most = budget.get("tokens")
    if most is not None and tokens >= most:
        return f"The task's budget is {most:,} tokens, and {tokens:,} are used."
    return ""


def _cents(amount: Decimal) -> Decimal:
    """To the cent, and finer where that would hide all of it."""
    return amount.quantize(USD_A_CENT if amount >= 1 else Decimal("0.000001"))


def _usd_problem(amount: object) -> str | None:
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        return "Give USD as a number, such as 2.5, without quotes or a sign."
    if isinstance(amount, float) and not math.isfinite(amount):
        return "Give a number that is not endless."
    if amount <= 0:
        return "Give more than 0, or leave it out for no limit."
    if amount > MOST_USD:
        return f"Give {MOST_USD:,} USD at most, or leave it out for no limit."
    return None


def _tokens_problem(amount: object) -> str | None:
    if isinstance(amount, bool) or not isinstance(amount, int):
        return "Give a whole number of tokens, without quotes."
    if not 1 <= amount <= MOST_TOKENS:
        return f"Give 1 to {MOST_TOKENS:,}, or leave it out for no limit."
    return None
