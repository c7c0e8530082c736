"""Budgets and prices are written by who configures them; usage by nobody."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from agents.models import Agent, Budget, Price, Provider, Usage
from agents.services import budgets
from tests.admin.conftest import SignIn
from tests.admin.pages import errors_of, messages_of, page_of, saved, text_of
from tests.harness.spending import spend, thinker

BUDGETS = "/admin/agents/budget/"
PRICES = "/admin/agents/price/"
USAGE = "/admin/agents/usage/"
BUDGET = {"scope": "all", "provider": "", "period": "day", "limit": "5"}
PRICE = {
    "provider": "",
    "model": "big*",
    "input": "1.5",
    "output": "3",
    "cache_read": "",
    "cache_write": "",
}


@pytest.fixture
def used(db: None) -> Usage:
    agent = thinker()
    Budget.objects.create(scope="all", period="day", limit=Decimal(5))
    Price.objects.create(provider="", model="small", input=1, output=2)
    spend(agent, "4", model="known")
    spend(agent, None, model="dark")
    return Usage.objects.get(model="known")


def test_who_configures_adds_changes_and_deletes_budgets(
    alice: User, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    client.post(f"{BUDGETS}add/", BUDGET)
    one = Budget.objects.get()
    assert (one.scope, one.period, one.limit) == ("all", "day", Decimal(5))
    provider = Provider.objects.get_or_create(name="openai", kind="openai")[0]
    changed = BUDGET | {"scope": "provider", "provider": str(provider.pk)}
    client.post(f"{BUDGETS}{one.pk}/change/", changed | {"limit": "7.5"})
    one.refresh_from_db()
    assert (one.provider, one.limit) == (provider, Decimal("7.5"))
    client.post(f"{BUDGETS}{one.pk}/delete/", {"post": "yes"})
    assert not Budget.objects.exists()


def test_who_configures_adds_changes_and_deletes_prices(
    alice: User, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    client.post(f"{PRICES}add/", PRICE)
    one = Price.objects.get()
    assert (one.model, one.input, one.cache_read) == ("big*", Decimal("1.5"), None)
    client.post(f"{PRICES}{one.pk}/change/", PRICE | {"cache_read": "0.1"})
    one.refresh_from_db()
    assert one.cache_read == Decimal("0.1")
    client.post(
        PRICES, {"action": "delete_selected", "_selected_action": one.pk, "post": "yes"}
    )
    assert not Price.objects.exists()


@pytest.mark.parametrize("name", ["bob", "vera"])
@pytest.mark.parametrize(("room", "values"), [(BUDGETS, BUDGET), (PRICES, PRICE)])
def test_who_operates_or_looks_reads_and_writes_nothing(
    request: pytest.FixtureRequest,
    name: str,
    room: str,
    values: dict[str, str],
    used: Usage,
    sign_in: SignIn,
) -> None:
    client = sign_in(request.getfixturevalue(name))
    model = Budget if room == BUDGETS else Price
    before: Any = model._default_manager.get()
    assert text_of(client.get(room))
    page = text_of(client.get(f"{room}{before.pk}/change/"))
    assert 'name="_save"' not in page
    for address in ("add/", f"{before.pk}/change/", f"{before.pk}/delete/"):
        posted = client.post(room + address, values | {"post": "yes"})
        assert posted.status_code == 403, address
    action = {"action": "delete_selected", "_selected_action": before.pk, "post": "yes"}
    client.post(room, action)
    after: Any = model._default_manager.values().get()
    assert after == model._default_manager.values().get(pk=before.pk)


@pytest.mark.parametrize(
    ("room", "values", "said"),
    [
        (BUDGETS, BUDGET | {"scope": "provider"}, "Name the provider for a budget"),
        (BUDGETS, BUDGET | {"limit": "0"}, "greater than or equal to 0.01"),
        (BUDGETS, BUDGET, "There is a budget of all agents for this period already."),
        (PRICES, PRICE | {"model": "a*b"}, "A * may stand at the end only."),
        (PRICES, PRICE | {"input": "-1"}, "greater than or equal to 0"),
        (PRICES, PRICE | {"model": "small"}, "This model has a price here already."),
    ],
)
def test_what_is_wrong_is_said(
    alice: User,
    used: Usage,
    sign_in: SignIn,
    room: str,
    values: dict[str, str],
    said: str,
) -> None:
    errors = errors_of(sign_in(alice).post(f"{room}add/", values))
    assert said in " ".join(text for texts in errors.values() for text in texts)


def test_the_list_of_budgets_says_how_each_stands(
    vera: User, used: Usage, sign_in: SignIn
) -> None:
    page = text_of(sign_in(vera).get(BUDGETS))
    assert "Near limit, 80 %" in page
    assert "$4.00" in page
    assert "All agents" in page


@pytest.mark.parametrize("name", ["root", "alice", "bob", "vera"])
def test_usage_is_read_by_everybody_and_written_by_nobody(
    request: pytest.FixtureRequest, name: str, used: Usage, sign_in: SignIn
) -> None:
    client = sign_in(request.getfixturevalue(name))
    page = text_of(client.get(USAGE))
    assert "delete_selected" not in page
    assert "known" in text_of(client.get(f"{USAGE}{used.pk}/change/"))
    for address in ("add/", f"{used.pk}/change/", f"{used.pk}/delete/"):
        posted = client.post(USAGE + address, {"post": "yes", "cost": "0"})
        assert posted.status_code == 403
    used.refresh_from_db()
    assert used.cost == 4


def test_usage_says_unknown_and_is_filtered_by_it(
    vera: User, used: Usage, sign_in: SignIn
) -> None:
    client = sign_in(vera)
    for wanted, model in (("unknown", "dark"), ("known", "known")):
        page = text_of(client.get(f"{USAGE}?cost={wanted}"))
        assert re.findall(r'field-model">(\w+)<', page) == [model]
        assert ("hub-badge--unknown" in page) == (wanted == "unknown")
    assert (
        len(re.findall("field-model", text_of(client.get(f"{USAGE}?q=thinker")))) == 2
    )


def test_who_may_not_look_at_agents_sees_none_of_it(
    db: None, used: Usage, sign_in: SignIn
) -> None:
    client = sign_in(User.objects.create_user("stranger", is_staff=True))
    for room in (BUDGETS, PRICES, USAGE):
        assert client.get(room).status_code == 403


# An agent's own budget stands in its set-up.


def test_an_agents_budget_is_written_in_its_set_up(
    alice: User, make_agent: Any, sign_in: SignIn
) -> None:
    agent = make_agent()
    saved(sign_in(alice), agent, budget="day=2.5\nmonth=80")
    assert Agent.objects.get().budget == {"day": 2.5, "month": 80}
    page = sign_in(alice).get(page_of(agent))
    assert "day=2.5\nmonth=80</textarea>" in text_of(page)
    assert not messages_of(saved(sign_in(alice), agent))[0].startswith("Please")
    assert budgets.standings_of(agent.pk)[1].limit == 80
    saved(sign_in(alice), agent, budget="")
    assert Agent.objects.get().budget == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("week=5", "There is no period"),
        ("day=five", "day: Give USD as a number"),
        ("day", "has no '='"),
        ('{"day": 0}', "day: Give more than 0"),
        ("[5]", "has no '='"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused_beside_its_field(
    alice: User, make_agent: Any, sign_in: SignIn, text: str, said: str
) -> None:
    response = saved(sign_in(alice), make_agent(), budget=text)
    assert said in errors_of(response)["budget"][0]
    assert Agent.objects.get().budget == {}


def test_who_only_looks_reads_an_agents_budget(
    vera: User, make_agent: Any, sign_in: SignIn
) -> None:
    agent = make_agent(budget={"day": 2.5})
    client: Client = sign_in(vera)
    page = text_of(client.get(page_of(agent)))
    assert "day=2.5" in page
    assert 'name="budget"' not in page
