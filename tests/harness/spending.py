"""Money spent through the doors that the engine uses: a claimed task and its steps."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from unittest import mock

from django.utils import timezone

from agents.models import Agent, Provider, Task, UsageDay
from agents.services import setups, tasks, work
from agents.services.booking import Booking
from agents.services.lifecycle import Asker
from agents.services.prices import Tokens
from agents.services.tasks import Ask
from agents.services.work import Claimed
from tests.harness.recorded import run_of

ASKER = Asker("the test", "test")
_numbers = itertools.count(1)


def thinker(name: str = "thinker", **setup: Any) -> Agent:
    """A native agent, set up and never started."""
    kind = setup.setdefault("provider", "anthropic")
    Provider.objects.get_or_create(name=kind, defaults={"kind": kind})
    agent = Agent(name=name, kind="native_llm", **setup)
    setups.save(agent)
    return agent


def claimed(agent: Agent, **wanted: Any) -> Claimed:
    """A task that a run of this agent has just begun."""
    task, _ = tasks.ask(agent.pk, Ask("Do it.", **wanted), ASKER)
    run = agent.run or run_of(agent)
    agent.run = run
    (one,) = [t for t in work.claim(agent.pk, run.id, 9) if t.id == task.pk]
    return one


def booking(
    cost: str | None = "1", *, tokens: Tokens | None = None, **more: Any
) -> Booking:
    """One request; `cost` is the vendor's word in USD, None for an unknown price."""
    values: dict[str, Any] = {
        "step": next(_numbers),
        "attempt": 1,
        "provider": "anthropic",
        "kind": "compatible",
        "model": "big",
        "tokens": tokens or Tokens(input=100, output=10),
        "reported": None if cost is None else Decimal(cost),
    }
    return Booking(**(values | more))


def spend(
    agent: Agent, cost: str | None = "1", *, ago: timedelta | None = None, **more: Any
) -> Task:
    """A task of its own with one booking, made some time ago."""
    task = claimed(agent)
    with at(timezone.now() - (ago or timedelta())):
        work.commit(task, [], [booking(cost, **more)])
    return Task.objects.get(pk=task.id)


def at(moment: datetime) -> Any:
    """While this is open, bookings are made and budgets begin at that time."""
    return mock.patch("django.utils.timezone.now", return_value=moment)


def days() -> list[tuple[str, str, int, int, Decimal]]:
    """Of each row of the days' sums: agent, model, requests, unpriced, cost."""
    rows = UsageDay.objects.order_by("day", "agent_name", "model")
    return list(rows.values_list("agent_name", "model", "requests", "unpriced", "cost"))
