"""Usage is booked here: once for each request, and into the sums of its day.

Priced before the transaction that books it: nobody waits for a list of prices.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db.models import F
from django.utils import timezone

from agents.models import Task, Usage, UsageDay
from agents.services import prices
from agents.services.prices import Priced, Tokens


@dataclass(frozen=True, slots=True)
class Booking:
    """What one attempt at one request has used, failed ones too.

    `step`: what it was to become. `reported`: the vendor's own word on its cost, USD.
    """

    step: int
    attempt: int
    provider: str
    kind: str
    model: str
    tokens: Tokens
    reported: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PricedBooking:
    """A booking, when it was made, and what it costs as far as anybody knows."""

    booking: Booking
    at: datetime
    price: Priced


def priced(bookings: Iterable[Booking]) -> list[PricedBooking]:
    """What these cost now."""
    now = timezone.now()
    return [PricedBooking(one, now, _price(one, now)) for one in bookings]


def _price(one: Booking, at: datetime) -> Priced:
    return prices.price(one.provider, one.kind, one.model, one.tokens, at, one.reported)


def book(task_id: int, agent_id: int, agent_name: str, made: PricedBooking) -> bool:
    """Book for a task, inside the transaction of its step; False if it was before."""
    one, price = made.booking, made.price
    tokens = asdict(one.tokens)
    _, new = Usage.objects.get_or_create(
        task_id=task_id,
        step=one.step,
        attempt=one.attempt,
        defaults={
            "agent_id": agent_id,
            "agent_name": agent_name,
            "provider": one.provider,
            "kind": one.kind,
            "model": one.model,
            "at": made.at,
            "cost": price.cost,
            "priced_by": price.by,
            **tokens,
        },
    )
    if new:
        sums: dict[str, Any] = {**tokens, "cost": price.cost or Decimal(0)}
        sums["unpriced"] = int(price.cost is None)
        Task.objects.filter(pk=task_id).update(**_added(sums))
        _add_to_day(agent_id, agent_name, made, {**sums, "requests": 1})
    return new


def _add_to_day(
    agent_id: int, agent_name: str, made: PricedBooking, sums: dict[str, Any]
) -> None:
    key = {
        "day": made.at.astimezone(UTC).date(),
        "agent_id": agent_id,
        "provider": made.booking.provider,
        "model": made.booking.model,
    }
    if not UsageDay.objects.filter(**key).update(**_added(sums)):
        # Another writer may make the row first: it is made empty, and then added to.
        UsageDay.objects.get_or_create(**key, defaults={"agent_name": agent_name})
        UsageDay.objects.filter(**key).update(**_added(sums))


def _added(sums: dict[str, Any]) -> dict[str, Any]:
    return {name: F(name) + amount for name, amount in sums.items()}
