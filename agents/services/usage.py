"""What was used and spent: by agent, by model and by day, as frozen values.

All sums are made of the days' (`UsageDay`); two queries, however much was used. A sum
is of what is known, and says how many requests are not in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, timedelta
from decimal import Decimal
from typing import Any, Final

from django.conf import settings
from django.db.models import QuerySet, Sum
from django.utils import timezone

from agents.models import Usage, UsageDay
from agents.services.prices import SMALLEST

ZERO: Final = Decimal(0)
# As far back as a report goes.
MOST_DAYS: Final = 3660


@dataclass(frozen=True, slots=True)
class Sums:
    """Tokens, and USD of the requests whose price is known; `unpriced` are the others.

    `input` leaves out what the cache gave and took; `output` has the reasoning.
    """

    requests: int = 0
    unpriced: int = 0
    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    known: Decimal = ZERO

    @property
    def cost(self) -> Decimal | None:
        """USD; None where requests were made and nobody knows the price of any."""
        wholly_unknown = self.unpriced and self.unpriced == self.requests
        return None if wholly_unknown else self.known

    @property
    def tokens(self) -> int:
        """Of every kind."""
        return self.input + self.cache_read + self.cache_write + self.output

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(getattr(self, n) + getattr(other, n) for n in _NAMES))


_NAMES: Final = tuple(field.name for field in fields(Sums))


@dataclass(frozen=True, slots=True)
class Line:
    """The sums of an agent, a model, or one model that an agent asked; else empty."""

    sums: Sums
    agent: str = ""
    provider: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    """The sums of one day, in UTC."""

    day: date
    sums: Sums


@dataclass(frozen=True, slots=True)
class Report:
    """What was used from the first to the last day; the dearest comes first."""

    first: date
    last: date
    total: Sums
    by_agent: tuple[Line, ...]
    by_model: tuple[Line, ...]
    by_agent_and_model: tuple[Line, ...]
    # One for each day, those without any use included.
    by_day: tuple[Day, ...]


def today() -> date:
    """The day that is now, in UTC."""
    return timezone.now().astimezone(UTC).date()


def report(first: date, last: date, names: Sequence[str] = ()) -> Report:
    """What these agents used, or all; by name, so those that are deleted too."""
    days = UsageDay.objects.filter(day__gte=first, day__lte=last).order_by()
    if names:
        days = days.filter(agent_name__in=names)
    lines = [
        Line(sums, agent, provider, model)
        for (agent, provider, model), sums in _grouped(
            days, "agent_name", "provider", "model"
        )
    ]
    used = {day: sums for (day,), sums in _grouped(days, "day")}
    span = [first + timedelta(n) for n in range((last - first).days + 1)]
    return Report(
        first=first,
        last=last,
        total=sum((line.sums for line in lines), Sums()),
        by_agent=_folded(Line(one.sums, agent=one.agent) for one in lines),
        by_model=_folded(Line(one.sums, "", one.provider, one.model) for one in lines),
        by_agent_and_model=_folded(lines),
        by_day=tuple(Day(day, used.get(day, Sums())) for day in span),
    )


def by_model_ever() -> tuple[Line, ...]:
    """What every model used since the first day that is known."""
    grouped = _grouped(UsageDay.objects.order_by(), "provider", "model")
    lines = [Line(sums, "", provider, model) for (provider, model), sums in grouped]
    return tuple(sorted(lines, key=lambda one: (one.provider, one.model)))


def known_names(names: Iterable[str]) -> set[str]:
    """Those of these names under which something was ever used."""
    found = UsageDay.objects.filter(agent_name__in=list(names)).order_by()
    return set(found.values_list("agent_name", flat=True).distinct())


def prune(most: int = 1000) -> int:
    """Delete rows of requests that are older than the hub keeps them, so many at
    once; how many it were. The sums of their days stay."""
    days = settings.AGENTHUB_KEEP_USAGE_DAYS
    if not days:
        return 0
    old = Usage.objects.filter(at__lt=timezone.now() - timedelta(days=days))
    ids = list(old.order_by("at").values_list("pk", flat=True)[:most])
    return Usage.objects.filter(pk__in=ids).delete()[0]


def _grouped(
    days: QuerySet[UsageDay], *by: str
) -> Iterable[tuple[tuple[Any, ...], Sums]]:
    names = ("cost" if name == "known" else name for name in _NAMES)
    rows = days.values_list(*by).annotate(*(Sum(name) for name in names))
    for row in rows:
        sums = dict(zip(_NAMES, row[len(by) :], strict=True))
        # SQLite adds as floating-point numbers; what they are off by ends here.
        sums["known"] = Decimal(sums["known"]).quantize(SMALLEST)
        yield row[: len(by)], Sums(**sums)


def _folded(lines: Iterable[Line]) -> tuple[Line, ...]:
    found: dict[tuple[str, str, str], Sums] = {}
    for line in lines:
        key = (line.agent, line.provider, line.model)
        found[key] = found.get(key, Sums()) + line.sums
    folded = [Line(sums, *key) for key, sums in found.items()]
    return tuple(sorted(folded, key=_by_cost))


def _by_cost(line: Line) -> tuple[Decimal, int, str, str, str]:
    sums = line.sums
    return -sums.known, -sums.tokens, line.agent, line.provider, line.model
