"""Usage is booked once, failed attempts too, and the days' sums keep up with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum
from django.utils import timezone

from agents.models import Agent, Task, Usage, UsageDay
from agents.services import setups, work
from agents.services.prices import Tokens
from agents.services.steps import note
from agents.services.work import ClaimLost
from tests.harness.spending import at, booking, claimed, days, spend, thinker

pytestmark = pytest.mark.django_db

USED = Tokens(input=100, cache_read=7, cache_write=5, output=30, reasoning=20)


def test_the_same_booking_committed_again_is_booked_once() -> None:
    task, one = claimed(thinker()), booking("0.25", tokens=USED)
    for _ in range(3):
        work.commit(task, [note("again")], [one])
    assert Usage.objects.count() == 1
    assert days() == [("thinker", "big", 1, 0, Decimal("0.25"))]
    row = Task.objects.get(pk=task.id)
    assert (row.cost, row.unpriced) == (Decimal("0.25"), 0)
    assert (row.input, row.cache_read, row.cache_write) == (100, 7, 5)
    assert (row.output, row.reasoning) == (30, 20)


def test_failed_attempts_of_one_step_are_paid_like_the_one_that_went_well() -> None:
    task, first = claimed(thinker()), booking("0.1")
    second = replace(first, attempt=2)
    work.commit(task, [], [first, second])
    assert Usage.objects.count() == 2
    assert Task.objects.get(pk=task.id).cost == Decimal("0.2")
    assert days() == [("thinker", "big", 2, 0, Decimal("0.2"))]


def test_an_unknown_cost_is_stored_as_unknown_and_counted() -> None:
    task = claimed(thinker())
    work.commit(task, [], [booking(None), booking("0.5")])
    assert set(Usage.objects.values_list("cost", flat=True)) == {None, Decimal("0.5")}
    row = Task.objects.get(pk=task.id)
    assert (row.cost, row.unpriced) == (Decimal("0.5"), 1)
    assert days() == [("thinker", "big", 2, 1, Decimal("0.5"))]


def test_a_billionth_is_kept_and_ten_times_a_tenth_is_one() -> None:
    agent = thinker()
    task = claimed(agent)
    work.commit(task, [], [booking("0.1") for _ in range(10)])
    assert Task.objects.get(pk=task.id).cost == 1
    work.commit(task, [], [booking("0.000000001")])
    assert days()[0][4] == Decimal("1.000000001")


def test_who_has_lost_the_task_books_nothing() -> None:
    task = claimed(thinker())
    Task.objects.filter(pk=task.id).update(state="queued")
    with pytest.raises(ClaimLost):
        work.commit(task, [], [booking()])
    assert not (Usage.objects.exists() or UsageDay.objects.exists())


def test_a_day_is_one_of_utc() -> None:
    agent = thinker()
    for hour in (0, 23):
        task = claimed(agent)
        with at(datetime(2026, 3, 1, hour, 59, tzinfo=UTC)):
            work.commit(task, [], [booking()])
    task = claimed(agent)
    with at(datetime(2026, 3, 2, 0, 0, tzinfo=UTC)):
        work.commit(task, [], [booking()])
    found = UsageDay.objects.order_by("day").values_list("day__day", "requests")
    assert list(found) == [(1, 2), (2, 1)]


def test_the_days_sums_are_those_of_all_usage() -> None:
    one, other = thinker("one"), thinker("other")
    for number, agent in enumerate((one, other, one, one)):
        for model in ("big", "small"):
            cost = None if number == 2 else f"0.{number}37"
            ago = timedelta(days=number)
            spend(agent, cost, ago=ago, model=model, tokens=USED)
    names = ("input", "cache_read", "cache_write", "output", "reasoning", "cost")
    sums = [Sum(name) for name in names]
    whole, by_day = (m.objects.aggregate(*sums) for m in (Usage, UsageDay))
    assert by_day.pop("cost__sum").quantize(Decimal("0.000000001")) == whole.pop(
        "cost__sum"
    ).quantize(Decimal("0.000000001"))
    assert by_day == whole
    assert UsageDay.objects.aggregate(Sum("requests"), Sum("unpriced")) == {
        "requests__sum": 8,
        "unpriced__sum": 2,
    }


def test_what_a_deleted_agent_used_stays_under_its_name_and_is_not_its_heirs() -> None:
    agent = thinker()
    spend(agent, "2")
    Agent.objects.filter(pk=agent.pk).update(status="stopped")
    setups.delete(agent)
    heir = thinker()
    spend(heir, "3")
    assert [row[4] for row in days()] == [2, 3]
    assert UsageDay.objects.get(agent=heir).cost == 3
    assert timezone.now().astimezone(UTC).date() == UsageDay.objects.latest("day").day
