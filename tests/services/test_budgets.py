"""Who may spend what, from when on it is said, and when it ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Agent, Budget, Provider, Task
from agents.services import budgets, changes, overview, setups, tasks, work
from agents.services.prices import Tokens
from agents.services.tasks import Ask, CannotAsk
from tests.harness.spending import ASKER, at, booking, claimed, spend, thinker

pytestmark = pytest.mark.django_db

MIDDAY = datetime(2026, 3, 15, 12, tzinfo=UTC)


def limit(amount: str, period: str = "day", provider: str = "") -> Budget:
    row = Budget(scope="all", period=period, limit=Decimal(amount))
    if provider:
        row.scope, row.provider = "provider", Provider.objects.get(name=provider)
    budgets.save(row)
    return row


def give(agent: Agent, **budget: float) -> None:
    agent.budget = budget
    setups.save(agent)


def plan_of(sql: str) -> str:
    """How the database goes about it, where it says so in these words."""
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite explains itself in these words")
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        return "; ".join(str(row[-1]) for row in cursor.fetchall())


def ask(agent: Agent, **wanted: Any) -> Task:
    return tasks.ask(agent.pk, Ask("Do it.", **wanted), ASKER)[0]


def test_at_four_fifths_it_is_near_and_at_all_of_it_exhausted() -> None:
    agent = thinker(budget={"day": 10})
    for cost, state in (("7.99", "ok"), ("0.01", "near"), ("1.99", "near")):
        spend(agent, cost)
        (one,) = budgets.standings_of(agent.pk)
        assert one.state == state, one
    assert one.percent == 99
    spend(agent, "0.01")
    (one,) = budgets.standings_of(agent.pk)
    assert (one.state, one.percent, one.spent) == ("exhausted", 100, Decimal(10))


def test_new_work_is_refused_with_the_reason_and_running_work_is_told() -> None:
    agent = thinker(budget={"day": 2})
    task = claimed(agent)
    assert work.over_budget(agent.pk, task.id) == ""
    work.commit(task, [], [booking("2")])
    said = (
        "The budget of thinker is $2.00 a day, and $2.00 is spent. Raise it, or wait "
        "for the next day (UTC)."
    )
    assert work.over_budget(agent.pk, task.id) == said
    with pytest.raises(CannotAsk) as refused:
        ask(agent)
    assert str(refused.value) == said
    give(agent, day=3)
    assert ask(agent).state == "queued"
    assert work.over_budget(agent.pk) == ""


def test_a_budget_of_all_counts_everybody_and_holds_everybody() -> None:
    one, other = thinker("one"), thinker("other", provider="openai")
    limit("3", "month")
    spend(one, "1")
    spend(other, "1.99", provider="openai")
    assert work.over_budget(other.pk) == ""
    spend(one, "0.01")
    for agent in (one, other):
        assert "The budget for all agents is $3.00 a month" in work.over_budget(
            agent.pk
        )


def test_a_providers_budget_holds_only_those_that_ask_it() -> None:
    one, other = thinker("one"), thinker("other", provider="openai")
    limit("1", provider="anthropic")
    spend(one, "1")
    assert "for anthropic is $1.00 a day" in work.over_budget(one.pk)
    assert work.over_budget(other.pk) == ""
    assert ask(other)


def test_an_agents_budget_does_not_count_what_others_spend() -> None:
    one, other = thinker("one", budget={"day": 1}), thinker("other")
    spend(other, "5")
    assert budgets.standings_of(one.pk)[0].spent == 0
    assert work.over_budget(one.pk) == ""


def test_a_day_ends_at_midnight_utc_and_a_month_with_its_last_day() -> None:
    agent = thinker(budget={"day": 5, "month": 9})
    with at(MIDDAY):
        spend(agent, "4")
        spend(agent, "3", ago=timedelta(days=1))
        spend(agent, "8", ago=timedelta(days=15))
        day, month = budgets.standings_of(agent.pk)
    assert (int(day.spent), int(month.spent)) == (4, 7)
    with at(MIDDAY + timedelta(hours=12)):
        day, month = budgets.standings_of(agent.pk)
    assert (int(day.spent), int(month.spent)) == (0, 7)
    with at(datetime(2026, 4, 1, tzinfo=UTC)):
        assert [one.spent for one in budgets.standings_of(agent.pk)] == [0, 0]


def test_what_nobody_knows_the_price_of_is_said_beside_the_sum() -> None:
    agent = thinker(budget={"day": 5})
    spend(agent, None)
    (one,) = budgets.standings_of(agent.pk)
    assert (one.spent, one.unpriced, one.state) == (Decimal(0), 1, "ok")


def test_a_tasks_own_budget_ends_it_and_nothing_else() -> None:
    agent = thinker()
    money = claimed(agent, budget={"usd": 0.5})
    tokens = claimed(agent, budget={"tokens": 1000})
    work.commit(money, [], [booking("0.49")])
    work.commit(tokens, [], [booking(tokens=Tokens(900, 50, 40, 9))])
    assert work.over_budget(agent.pk, money.id) == ""
    assert work.over_budget(agent.pk, tokens.id) == ""
    work.commit(money, [], [booking("0.01")])
    work.commit(tokens, [], [booking(tokens=Tokens(output=1))])
    assert "budget is 0.5 USD" in work.over_budget(agent.pk, money.id)
    assert "budget is 1,000 tokens" in work.over_budget(agent.pk, tokens.id)
    assert work.over_budget(agent.pk) == ""


@pytest.mark.parametrize("budget", [{"usd": 0}, {"token": 5}, {"tokens": "many"}, 5])
def test_a_task_whose_budget_makes_no_sense_is_not_recorded(budget: Any) -> None:
    with pytest.raises(CannotAsk, match=r"[Bb]udget"):
        ask(thinker(), budget=budget)
    assert not Task.objects.exists()


def test_asking_takes_an_index_for_each_budget_however_much_was_used() -> None:
    agents = [thinker(f"thinker-{n}", budget={"day": 99}) for n in range(3)]
    for amount in ("50", "60"):
        limit(amount, "day" if amount == "50" else "month")
    limit("70", provider="anthropic")
    task = claimed(agents[0], budget={"usd": 5})

    def cost() -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            assert work.over_budget(agents[0].pk, task.id) == ""
        return [query["sql"] for query in queries]

    few = cost()
    for number, agent in enumerate(agents * 10):
        spend(agent, "0.01", ago=timedelta(days=number), model=f"m{number}")
    many = cost()
    assert len(many) == len(few) == 3 + 4
    own, *general = (plan_of(sql) for sql in many if "SUM" in sql)
    assert "INDEX usage_day_agent" in own
    assert all("COVERING INDEX usage_day_money" in plan for plan in general), general


def test_without_any_budget_nothing_is_summed() -> None:
    agent = thinker()
    with CaptureQueriesContext(connection) as queries:
        assert work.over_budget(agent.pk) == ""
    assert not any("usageday" in query["sql"] for query in queries)


def test_all_standings_are_read_by_a_few_queries_for_any_number_of_agents() -> None:
    for number in range(12):
        spend(thinker(f"thinker-{number}", budget={"day": 5, "month": 9}), "4")
    limit("100")
    with CaptureQueriesContext(connection) as queries:
        found = budgets.standings()
    assert len(queries) == 5
    assert [one.spent for one in found] == [48, *[4] * 24]
    assert found[0].whose == "for all agents"


def test_the_overview_says_which_budgets_need_a_person() -> None:
    near, gone = thinker("near", budget={"day": 5}), thinker("gone", budget={"day": 5})
    thinker("fine", budget={"day": 5})
    spend(near, "4")
    spend(gone, "6")
    said = overview.overview().budgets
    assert [(one.whose, one.state) for one in said] == [
        ("gone", "Used up"),
        ("near", "Near limit"),
    ]


@pytest.mark.parametrize(
    ("scope", "named", "amount", "said"),
    [
        ("all", True, "5", "Name the provider for a budget of one provider"),
        ("provider", False, "5", "Name the provider for a budget of one provider"),
        ("all", False, "0", "greater than or equal to 0.01"),
        ("all", False, "5", "There is a budget of all agents for this period"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(
    scope: str, named: bool, amount: str, said: str
) -> None:
    thinker()
    limit("1")
    provider = Provider.objects.get(name="anthropic") if named else None
    row = Budget(scope=scope, provider=provider, period="day", limit=Decimal(amount))
    with pytest.raises(ValidationError, match=said):
        budgets.save(row)
    assert Budget.objects.count() == 1


def test_whoever_changes_a_budget_tells_open_pages() -> None:
    thinker()
    seen = changes.latest()
    row = limit("5")
    assert changes.since(seen).agents
    seen = changes.latest()
    budgets.delete(row)
    assert changes.since(seen).agents
    assert not Budget.objects.exists()
