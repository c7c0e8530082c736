"""`agents usage`: a table for people, the API's shape for programs."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from agents.models import Agent, Budget
from agents.services import budgets, setups, usage
from agents.services.figures import NOTHING
from agents.services.prices import Tokens
from tests.harness.spending import spend, thinker
from tests.management.conftest import Run

pytestmark = pytest.mark.django_db


def test_a_line_for_each_agent_and_model_and_one_for_all(agents: Run) -> None:
    used = Tokens(input=12_345, cache_read=700, cache_write=50, output=300)
    spend(thinker("one"), "1.5", model="big", tokens=used)
    spend(thinker("other"), None, model="dark")
    answer = agents("usage")
    lines = [line.split() for line in answer.out.splitlines()]
    assert lines[0][:4] == ["AGENT", "MODEL", "COST", "UNKNOWN"]
    assert lines[1] == ["one", "big", "$1.50", NOTHING, "1", "12.3", "k", "750", "300"]
    assert lines[2][:4] == ["other", "dark", "unknown", "1"]
    assert lines[3][:4] == ["in", "all", "$1.50", "1"]
    assert answer.out.endswith(
        "2 requests in the last 30 days (UTC): $1.50, and 1 request of unknown cost.\n"
    )
    assert (answer.code, answer.err) == (0, "")


def test_without_any_use_it_says_so(agents: Run) -> None:
    answer = agents("usage", "--days", "1")
    assert answer.err == "No model was asked in the last 1 day.\n"
    assert (answer.code, answer.out) == (0, "")


def test_budgets_stand_below(agents: Run) -> None:
    spend(thinker(budget={"day": 5}), "4")
    budgets.save(Budget(scope="all", period="month", limit=Decimal(4)))
    said = agents("usage").out
    assert "all agents, this month  $4.00  $4.00  100 %  used up" in said
    assert "thinker, today          $4.00  $5.00   80 %  near limit" in said


def test_json_has_costs_as_strings_and_null_for_unknown(agents: Run) -> None:
    spend(thinker("one", budget={"day": 5}), "0.1", model="big")
    spend(thinker("other"), None, model="dark", ago=timedelta(days=1))
    shape = agents("usage", "--days", "2", "--json").json
    assert [(n["agent"], n["cost"]) for n in shape["by_agent"]] == [
        ("one", "0.1"),
        ("other", None),
    ]
    assert [(n["model"], n["unpriced"]) for n in shape["by_model"]] == [
        ("big", 0),
        ("dark", 1),
    ]
    assert [(n["day"], n["cost"]) for n in shape["by_day"]] == [
        ((usage.today() - timedelta(1)).isoformat(), None),
        (usage.today().isoformat(), "0.1"),
    ]
    assert shape["by_agent"][0]["usage"]["input"] == 100
    assert shape["budgets"] == [
        {
            "scope": "agent",
            "agent": "one",
            "provider": None,
            "period": "day",
            "limit": "5",
            "spent": "0.1",
            "unpriced": 0,
            "percent": 2,
            "state": "ok",
        }
    ]
    assert shape["total"]["requests"] == 2


def test_names_choose_and_an_unknown_one_is_said_while_the_others_are_shown(
    agents: Run,
) -> None:
    spend(thinker("one"), "1")
    spend(thinker("other"), "2")
    answer = agents("usage", "one", "nobody", "--json")
    assert [one["agent"] for one in answer.json["by_agent"]] == ["one"]
    assert answer.code == 1
    assert "There is no agent 'nobody'." in answer.err


def test_a_deleted_agent_is_found_by_its_name(agents: Run) -> None:
    agent = thinker("one")
    spend(agent, "1")
    Agent.objects.filter(pk=agent.pk).update(status="stopped")
    setups.delete(agent)
    answer = agents("usage", "one")
    assert answer.code == 0
    assert "$1.00" in answer.out


@pytest.mark.parametrize("days", ["0", "-1", "x", "9999999"])
def test_days_that_make_no_sense_are_misuse(agents: Run, days: str) -> None:
    with pytest.raises(Exception, match="days"):
        agents("usage", "--days", days)
