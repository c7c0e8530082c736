"""What may be spent, and whether it has been: new work is refused at the limit.

A day and a month are those of UTC. What nobody knows the price of counts as nothing,
and is said beside every sum. What one agent may spend stands in its set-up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal
from typing import Any, Final

from django.db import transaction
from django.db.models import Q, Sum
from django.urls import reverse
from django.utils import timezone

from agents.models import Agent, Budget, Task, UsageDay
from agents.models.choices import BudgetPeriod, BudgetScope
from agents.policy import budgets as rules
from agents.policy.budgets import WARN_AT
from agents.services import changes, figures
from agents.services.prices import SMALLEST

ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Standing:
    """One budget and what has been spent of it, in USD.

    `unpriced` requests are not in `spent`: nobody knows what they cost. `agent` and
    `provider` are names, empty where it is about all of them.
    """

    scope: str
    agent: str
    provider: str
    period: str
    limit: Decimal
    spent: Decimal
    unpriced: int

    @property
    def exhausted(self) -> bool:
        """Whether nothing more may be spent."""
        return self.spent >= self.limit

    @property
    def near(self) -> bool:
        """Whether four fifths of it are gone, and some is left."""
        return not self.exhausted and self.spent >= self.limit * WARN_AT

    @property
    def state(self) -> str:
        """`ok`, `near` or `exhausted`."""
        return "exhausted" if self.exhausted else "near" if self.near else "ok"

    @property
    def percent(self) -> int:
        """How much of it is gone, rounded down: 100 is said when it is so."""
        return int(self.spent * 100 / self.limit)

    @property
    def whose(self) -> str:
        """Whom it is for, in words."""
        if self.agent:
            return f"of {self.agent}"
        return f"for {self.provider}" if self.provider else "for all agents"

    @property
    def url(self) -> str:
        """The page of the one agent that it is about; empty for many."""
        return reverse("agent", args=[self.agent]) if self.agent else ""

    def __str__(self) -> str:
        return (
            f"The budget {self.whose} is {figures.money(self.limit)} a {self.period}, "
            f"and {figures.money(self.spent)} is spent"
        )


@dataclass(frozen=True, slots=True)
class _Limit:
    scope: str
    period: str
    amount: Decimal
    agent: str = ""
    provider: str = ""
    agent_id: int | None = None

    @property
    def spending(self) -> Q:
        """The days whose sums count against it."""
        days = Q(day__gte=begin(self.period))
        if self.agent_id is not None:
            return days & Q(agent=self.agent_id)
        return days & Q(provider=self.provider) if self.provider else days


def begin(period: str) -> date:
    """The first day of the day or month that is now, in UTC."""
    today = timezone.now().astimezone(UTC).date()
    return today.replace(day=1) if period == BudgetPeriod.MONTH else today


def standings() -> list[Standing]:
    """All budgets: those of all agents, of providers, of single agents by name."""
    agents = Agent.objects.exclude(budget={}).order_by("name")
    own = [one for agent in agents.only("name", "budget") for one in _own(agent)]
    general = map(_general, Budget.objects.select_related("provider"))
    return [*map(_summed, general), *_of_agents(own)]


def urgent() -> list[Standing]:
    """The budgets that a person should look at, the emptiest first."""
    bad = [one for one in standings() if one.near or one.exhausted]
    return sorted(bad, key=lambda one: one.limit - one.spent)


def standings_of(agent_id: int, provider: str = "") -> list[Standing]:
    """The budgets that concern one agent; two queries, and one for each of them.

    `provider`: whom it asks, where that is not the one that its set-up names by now.
    """
    agent = Agent.every.filter(pk=agent_id).only("name", "provider", "budget").first()
    if agent is None:
        return []
    asked = provider or agent.provider
    concerned = Q(scope=BudgetScope.ALL) | Q(provider__name=asked)
    general = Budget.objects.select_related("provider").filter(concerned)
    return [_summed(one) for one in (*_own(agent), *map(_general, general))]


def standing(budget: Budget) -> Standing:
    """How one budget stands."""
    return _summed(_general(budget))


def refusal(agent_id: int, provider: str = "") -> str:
    """Why this agent gets no new work; empty if it does."""
    gone = [one for one in standings_of(agent_id, provider) if one.exhausted]
    if not gone:
        return ""
    return f"{gone[0]}. Raise it, or wait for the next {gone[0].period} (UTC)."


def task_refusal(task_id: int) -> str:
    """Why this task has used what it was given; empty if something is left."""
    kinds = ("input", "cache_read", "cache_write", "output")
    task = Task.objects.filter(pk=task_id).only("budget", "cost", *kinds).first()
    if task is None or not task.budget:
        return ""
    tokens = sum(getattr(task, kind) for kind in kinds)
    return rules.task_refusal(task.budget, task.cost, tokens)


def save(budget: Budget) -> None:
    """Validate and store; raises ValidationError with a message for each field."""
    budget.full_clean()
    with transaction.atomic():
        budget.save()
        _tell()


def delete(budget: Budget) -> None:
    """It limits nobody any longer."""
    with transaction.atomic():
        budget.delete()
        _tell()


def _tell() -> None:
    """Open overviews show budgets, and are made anew by news of any agent."""
    changes.append(changes.AGENT, Agent.objects.values_list("pk", flat=True)[:1])


def _own(agent: Agent) -> list[_Limit]:
    return [
        _Limit("agent", period, rules.usd(amount), agent.name, agent_id=agent.pk)
        for period in rules.PERIODS
        if (amount := agent.budget.get(period)) is not None
    ]


def _general(budget: Budget) -> _Limit:
    return _Limit(
        scope=budget.scope,
        period=budget.period,
        amount=budget.limit,
        provider=budget.provider.name if budget.provider else "",
    )


def _summed(limit: _Limit) -> Standing:
    """By a query of its own, which finds all of it in one index: conditions inside
    one query for all limits would take six times as long."""
    days = UsageDay.objects.filter(limit.spending).order_by()
    sums = days.aggregate(cost=Sum("cost"), unpriced=Sum("unpriced"))
    return _standing(limit, sums["cost"], sums["unpriced"])


def _of_agents(limits: Sequence[_Limit]) -> Iterable[Standing]:
    """For any number of agents' own limits: a query for each period."""
    sums: dict[tuple[str, int | None], tuple[Any, Any]] = {}
    for period in {limit.period for limit in limits}:
        days = UsageDay.objects.filter(day__gte=begin(period), agent__isnull=False)
        for agent_id, cost, unpriced in (
            days.order_by().values_list("agent").annotate(Sum("cost"), Sum("unpriced"))
        ):
            sums[period, agent_id] = cost, unpriced
    return [
        _standing(limit, *sums.get((limit.period, limit.agent_id), (None, None)))
        for limit in limits
    ]


def _standing(limit: _Limit, cost: Decimal | None, unpriced: int | None) -> Standing:
    return Standing(
        scope=limit.scope,
        agent=limit.agent,
        provider=limit.provider,
        period=limit.period,
        limit=limit.amount,
        # SQLite adds as floating-point numbers; what they are off by ends here.
        spent=(cost or ZERO).quantize(SMALLEST),
        unpriced=unpriced or 0,
    )
