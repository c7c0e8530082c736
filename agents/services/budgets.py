"""What may be spent, and whether it has been: new work is refused at the limit.

A day and a month are those of UTC. What nobody knows the price of counts as nothing,
and is said beside every sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from django.db.models import Q, Sum
from django.utils import timezone

from agents.models import Agent, Budget, Usage
from agents.models.choices import BudgetPeriod, BudgetScope

WARN_AT: Final = Decimal("0.8")


@dataclass(frozen=True, slots=True)
class Standing:
    """One budget and what has been spent of it, in USD."""

    whose: str
    period: str
    limit: Decimal
    spent: Decimal

    @property
    def exhausted(self) -> bool:
        """Whether nothing more may be spent."""
        return self.spent >= self.limit

    @property
    def near(self) -> bool:
        """Whether four fifths of it are gone."""
        return self.spent >= self.limit * WARN_AT

    def __str__(self) -> str:
        spent = self.spent.quantize(Decimal("0.01"))
        return (
            f"The budget {self.whose} is {self.limit} USD a {self.period}, and {spent} "
            "have been spent"
        )


def standings(agent: Agent | None = None) -> list[Standing]:
    """All budgets, or those that concern one agent, with what has been spent."""
    rows = Budget.objects.select_related("agent", "provider")
    if agent is not None:
        rows = rows.filter(
            Q(scope=BudgetScope.ALL) | Q(agent=agent) | Q(provider__name=agent.provider)
        )
    return [_standing(row) for row in rows]


def refusal(agent: Agent) -> str:
    """Why this agent gets no new work; empty if it does."""
    gone = [one for one in standings(agent) if one.exhausted]
    if not gone:
        return ""
    return f"{gone[0]}. Raise it, or wait for the next {gone[0].period}."


def _standing(row: Budget) -> Standing:
    usage = Usage.objects.filter(at__gte=_begin(row.period))
    whose = "for all agents"
    if row.agent is not None:
        usage, whose = usage.filter(agent=row.agent), f"of {row.agent.name}"
    elif row.provider is not None:
        usage = usage.filter(provider=row.provider.name)
        whose = f"for {row.provider.name}"
    spent = usage.aggregate(spent=Sum("cost"))["spent"] or Decimal(0)
    return Standing(whose, row.period, row.limit, Decimal(spent))


def _begin(period: str) -> datetime:
    day = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return day.replace(day=1) if period == BudgetPeriod.MONTH else day
