"""Sums by agent, model and day, and the same as the usage page says them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone
from pytest_django.fixtures import Settings

from agenthub.settings import days_kept
from agents.models import Agent, Usage
from agents.services import setups, usage
from agents.services.prices import Tokens
from agents.services.usage_view import usage_page
from tests.harness.spending import spend, thinker

pytestmark = pytest.mark.django_db


def week(*names: str) -> usage.Report:
    return usage.report(usage.today() - timedelta(6), usage.today(), names)


def test_sums_are_made_by_agent_by_model_and_by_day() -> None:
    one, other = thinker("one"), thinker("other")
    spend(one, "1", model="big")
    spend(one, "2", model="small", ago=timedelta(days=1))
    spend(other, "4", model="big", ago=timedelta(days=1))
    spend(other, "8", model="big", ago=timedelta(days=7))
    report = week()
    assert [(n.agent, int(n.sums.known)) for n in report.by_agent] == [
        ("other", 4),
        ("one", 3),
    ]
    assert [(n.model, int(n.sums.known)) for n in report.by_model] == [
        ("big", 5),
        ("small", 2),
    ]
    assert [one.sums.known for one in report.by_day] == [0, 0, 0, 0, 0, 6, 1]
    assert report.total.known == 7
    assert [
        (n.agent, n.model, int(n.sums.known)) for n in report.by_agent_and_model
    ] == [
        ("other", "big", 4),
        ("one", "small", 2),
        ("one", "big", 1),
    ]
    assert week("one").total.known == 3


def test_the_sums_stay_when_the_usage_itself_is_gone(settings: Settings) -> None:
    settings.AGENTHUB_KEEP_USAGE_DAYS = 5
    agent = thinker()
    for number in range(9):
        spend(agent, f"0.{number}1" if number else None, ago=timedelta(days=number))
    before = usage.report(usage.today() - timedelta(30), usage.today())
    assert before.total.requests == 9
    while usage.prune(most=2):
        pass
    assert Usage.objects.count() == 5
    assert usage.report(usage.today() - timedelta(30), usage.today()) == before


def test_only_what_is_older_than_it_is_kept_goes_so_many_at_a_time(
    settings: Settings,
) -> None:
    agent = thinker()
    for hours in (1, 47, 49, 50, 51):
        spend(agent, "1", ago=timedelta(hours=hours))
    settings.AGENTHUB_KEEP_USAGE_DAYS = 0
    assert usage.prune() == 0
    settings.AGENTHUB_KEEP_USAGE_DAYS = 2
    assert [usage.prune(most=2) for _ in range(3)] == [2, 1, 0]
    ages = Usage.objects.order_by("-at").values_list("at", flat=True)
    assert len(ages) == 2
    assert min(ages) > timezone.now() - timedelta(days=2)


def test_how_long_usage_is_kept_is_a_number_of_days(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for text, days in (("", 90), ("0", 0), ("365", 365)):
        monkeypatch.setenv("KEEP", text)
        assert days_kept("KEEP", 90) == days
    for text in ("-1", "1.5", "a week", "1000000"):
        monkeypatch.setenv("KEEP", text)
        with pytest.raises(ImproperlyConfigured, match="is no number of days"):
            days_kept("KEEP", 90)


def test_a_cost_is_unknown_only_where_nothing_of_it_is_known() -> None:
    agent = thinker()
    spend(agent, None, model="dark")
    spend(agent, "0.5", model="bright")
    spend(agent, "0", model="free")
    costs = {one.model: one.sums.cost for one in week().by_model}
    assert costs == {"dark": None, "bright": Decimal("0.5"), "free": Decimal(0)}
    assert (week().total.cost, week().total.unpriced) == (Decimal("0.5"), 1)


def test_a_deleted_agent_is_listed_by_its_name() -> None:
    agent = thinker()
    spend(agent)
    Agent.objects.filter(pk=agent.pk).update(status="stopped")
    setups.delete(agent)
    (line,) = usage_page({}).agents
    assert (line.title, line.more, line.url) == ("thinker", "deleted", "")
    assert usage.known_names(["thinker", "nobody"]) == {"thinker"}


@pytest.mark.parametrize(
    ("period", "days"), [("today", 1), ("7d", 7), ("30d", 30), ("year", 7), ("", 7)]
)
def test_a_period_is_so_many_days_with_today(period: str, days: int) -> None:
    agent = thinker()
    for ago in (0, days - 1, days):
        spend(agent, "1", ago=timedelta(days=ago))
    page = usage_page({"period": period})
    assert page.total.cost == "$2.00" if days > 1 else "$1.00"
    if page.chart:
        assert len(page.chart.bars) == days


def test_a_month_begins_with_its_first_day() -> None:
    agent = thinker()
    spend(agent, "1")
    spend(agent, "9", ago=timedelta(days=usage.today().day))
    assert usage_page({"period": "month"}).total.cost == "$1.00"


def test_the_highest_bar_is_the_dearest_day_and_says_what_it_is() -> None:
    agent = thinker()
    spend(agent, "4", ago=timedelta(days=1))
    spend(agent, "1", tokens=Tokens(input=1_500_000))
    spend(agent, None)
    chart = usage_page({}).chart
    assert chart is not None
    assert [bar.height for bar in chart.bars[-2:]] == [120, 30]
    assert chart.peak == "$4.00"
    assert chart.bars[-1].said.endswith(
        "$1.00, 1.5 M tokens, and 1 request of unknown cost"
    )
    assert chart.bars[0].said.endswith(": nothing")


def test_where_nothing_costs_anything_the_chart_is_of_tokens() -> None:
    spend(thinker(), "0", tokens=Tokens(input=2000))
    chart = usage_page({}).chart
    assert chart is not None
    assert (chart.of, chart.peak) == ("Tokens by day", "2,000 tokens")
