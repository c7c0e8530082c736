"""The usage page as frozen values: a period, its sums in words, and a chart.

What may enter: how what was used is shown to people. The sums are `usage`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from django.urls import reverse

from agents.models import Agent
from agents.services import budgets, usage
from agents.services.budgets import Standing
from agents.services.figures import counted, money, tokens
from agents.services.usage import Day, Line, Report, Sums

PERIODS: Final = {
    "today": "Today",
    "7d": "7 days",
    "30d": "30 days",
    "month": "This month",
}
DEFAULT: Final = "7d"
WHEN: Final = {"day": "today", "month": "this month"}
# The chart's box, in its own units.
HEIGHT: Final = 120
SLOT: Final = 20
GAP: Final = 4


@dataclass(frozen=True, slots=True)
class Choice:
    """A period to choose."""

    label: str
    address: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class SumsView:
    """Sums, ready to be printed."""

    cost: str
    unpriced: int
    requests: str
    input: str
    cache_read: str
    cache_write: str
    output: str
    reasoning: str


@dataclass(frozen=True, slots=True)
class LineView:
    """One line of a table; `more` stands smaller, `url` leads to an agent."""

    title: str
    more: str
    url: str
    sums: SumsView


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of the chart; `said` is what a pointer that rests on it is told."""

    x: int
    y: float
    height: float
    said: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A bar for each day, of what was spent, or of tokens where nothing was."""

    of: str
    peak: str
    first: str
    last: str
    width: int
    height: int
    bar_width: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class BudgetView:
    """A budget: how it stands as a word, an icon's name and a tone."""

    whose: str
    url: str
    when: str
    limit: str
    spent: str
    percent: int
    # Of a bar that is 1000 wide.
    width: int
    tone: str
    icon: str
    state: str
    unpriced: int


@dataclass(frozen=True, slots=True)
class UsageView:
    """The whole page."""

    choices: tuple[Choice, ...]
    said: str
    total: SumsView
    empty: bool
    agents: tuple[LineView, ...]
    models: tuple[LineView, ...]
    days: tuple[LineView, ...]
    chart: Chart | None
    budgets: tuple[BudgetView, ...]


def usage_page(given: Mapping[str, str]) -> UsageView:
    """The page for `?period=`; an unknown word is as good as none."""
    period = given.get("period", "")
    period = period if period in PERIODS else DEFAULT
    last = usage.today()
    report = usage.report(_first(period, last), last)
    there = set(Agent.objects.values_list("name", flat=True))
    return UsageView(
        choices=tuple(
            Choice(label, f"?period={key}", key == period)
            for key, label in PERIODS.items()
        ),
        said=_span(report),
        total=_sums(report.total),
        empty=not report.total.requests,
        agents=tuple(_agent_line(one, there) for one in report.by_agent),
        models=tuple(
            LineView(one.model, one.provider, "", _sums(one.sums))
            for one in report.by_model
        ),
        days=tuple(
            LineView(_day(one.day), "", "", _sums(one.sums))
            for one in reversed(report.by_day)
            if one.sums.requests
        ),
        chart=_chart(report.by_day) if report.total.requests else None,
        budgets=tuple(budget_view(one) for one in budgets.standings()),
    )


def budget_view(one: Standing) -> BudgetView:
    """One budget as it stands."""
    tone, icon, state = "running", "check", "Fine"
    if one.exhausted:
        tone, icon, state = "crashed", "crashed", "Used up"
    elif one.near:
        tone, icon, state = "backoff", "warning", "Near limit"
    return BudgetView(
        whose=one.agent or one.provider or "all agents",
        url=one.url,
        when=WHEN[one.period],
        limit=money(one.limit),
        spent=money(one.spent),
        percent=one.percent,
        width=min(1000, one.percent * 10),
        tone=tone,
        icon=icon,
        state=state,
        unpriced=one.unpriced,
    )


def _first(period: str, last: date) -> date:
    if period == "month":
        return last.replace(day=1)
    return last - timedelta({"today": 0, "7d": 6, "30d": 29}[period])


def _span(report: Report) -> str:
    if report.first == report.last:
        return f"{_day(report.last)}, since midnight UTC"
    return f"{_day(report.first)} to {_day(report.last)}, in UTC"


def _day(day: date) -> str:
    return f"{day:%d %b %Y}"


def _sums(sums: Sums) -> SumsView:
    return SumsView(
        cost=money(sums.cost),
        unpriced=sums.unpriced,
        requests=f"{sums.requests:,}",
        input=tokens(sums.input),
        cache_read=tokens(sums.cache_read),
        cache_write=tokens(sums.cache_write),
        output=tokens(sums.output),
        reasoning=tokens(sums.reasoning),
    )


def _agent_line(line: Line, there: set[str]) -> LineView:
    known = line.agent in there
    url = reverse("agent", args=[line.agent]) if known else ""
    return LineView(line.agent, "" if known else "deleted", url, _sums(line.sums))


def _chart(days: tuple[Day, ...]) -> Chart | None:
    if len(days) < 2:
        return None
    spent = any(one.sums.known for one in days)
    values = [one.sums.known if spent else Decimal(one.sums.tokens) for one in days]
    peak = max(values) or Decimal(1)
    bars = []
    for place, (one, value) in enumerate(zip(days, values, strict=True)):
        height = round(float(value / peak) * HEIGHT, 1)
        y = round(HEIGHT - height, 1)
        bars.append(Bar(place * SLOT + GAP // 2, y, height, _said(one)))
    return Chart(
        of="Spent by day" if spent else "Tokens by day",
        peak=money(peak) if spent else f"{tokens(int(peak))} tokens",
        first=f"{days[0].day:%d %b}",
        last=f"{days[-1].day:%d %b}",
        width=len(days) * SLOT,
        height=HEIGHT,
        bar_width=SLOT - GAP,
        bars=tuple(bars),
    )


def _said(one: Day) -> str:
    used = one.sums
    if not used.requests:
        return f"{_day(one.day)}: nothing"
    said = f"{_day(one.day)}: {money(used.cost)}, {tokens(used.tokens)} tokens"
    if used.unpriced and used.cost is not None:
        said += f", and {counted(used.unpriced, 'request')} of unknown cost"
    return said
