"""The usage page: who sees it, what it says, and that unknown is never nothing."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from agents.models import Budget
from agents.services import budgets
from agents.services.figures import NOTHING
from agents.services.prices import Tokens
from tests.harness.people import make_person
from tests.harness.spending import spend, thinker
from tests.pages.conftest import signed_in

pytestmark = pytest.mark.django_db

PAGE = "/usage/"


def text(client: Client, address: str = PAGE) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return re.sub(r"\s+", " ", response.content.decode())


def rows(page: str, table: str) -> list[list[str]]:
    """The cells of one table of the page, without their markup."""
    begin = page.index(f'id="{table}-title"')
    body = page[page.index("<tbody>", begin) : page.index("</tbody>", begin)]
    return [
        [
            re.sub(r"<[^>]+>", "", cell).strip()
            for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row)
        ]
        for row in re.findall(r"<tr>(.*?)</tr>", body)
    ]


@pytest.mark.parametrize("name", ["as_alice", "as_bob", "as_vera"])
def test_whoever_may_look_sees_it_and_the_way_to_it(
    request: pytest.FixtureRequest, name: str
) -> None:
    client = request.getfixturevalue(name)
    assert reverse("usage") == PAGE
    assert '<a href="/usage/" aria-current="page">Usage</a>' in text(client)
    assert '<a href="/usage/">Usage</a>' in text(client, "/")


def test_others_do_not(client: Client) -> None:
    assert client.get(PAGE).status_code == 302
    assert signed_in(make_person("nobody")).get(PAGE).status_code == 403
    assert signed_in(make_person("blind", "operate_agent")).get(PAGE).status_code == 403


def test_nothing_is_asked_by_a_post(as_alice: Client) -> None:
    assert as_alice.post(PAGE).status_code == 405


def test_without_any_use_it_says_so(as_vera: Client) -> None:
    page = text(as_vera)
    assert "No model was asked in this time." in page
    assert "<table" not in page


def test_it_says_what_each_agent_model_and_day_used(as_vera: Client) -> None:
    used = Tokens(input=12_345, cache_read=700, cache_write=50, output=300, reasoning=9)
    spend(thinker("one"), "1.5", model="big", tokens=used)
    spend(thinker("other"), "0.0042", model="small")
    page = text(as_vera)
    figures = ["$1.50", NOTHING, "1", "12.3 k", "700", "50", "300", "9"]
    assert rows(page, "agents")[0] == ["one", *figures]
    assert rows(page, "agents")[1][:2] == ["other", "$0.0042"]
    assert rows(page, "models")[0] == ["big anthropic", *figures]
    assert len(rows(page, "days")) == 1
    assert "<dd>$1.50</dd>" in page
    assert page.count("</title></rect>") == 7


def test_unknown_cost_is_said_and_counted_and_never_a_zero(as_vera: Client) -> None:
    spend(thinker("dark"), None)
    spend(thinker("bright"), "2")
    page = text(as_vera)
    assert ["dark", "unknown", "1 request"] in [r[:3] for r in rows(page, "agents")]
    assert ["bright", "$2.00", NOTHING] in [r[:3] for r in rows(page, "agents")]
    assert "of which unknown: 1 request<" in page
    assert "$0.00" not in page


def test_a_period_is_chosen_by_a_link_and_marked(as_vera: Client) -> None:
    agent = thinker()
    spend(agent, "1")
    spend(agent, "2", ago=timedelta(days=20))
    assert "<dd>$3.00</dd>" in text(as_vera, f"{PAGE}?period=30d")
    page = text(as_vera, f"{PAGE}?period=today")
    assert "<dd>$1.00</dd>" in page
    assert '<a href="?period=today" aria-current="true">Today</a>' in page
    assert page.count('aria-current="true"') == 1
    assert text(as_vera, f"{PAGE}?period=<script>").count("<script>") == 0


def test_budgets_are_shown_with_word_icon_and_tone(as_vera: Client) -> None:
    agent = thinker("near", budget={"day": 10})
    budgets.save(Budget(scope="all", period="month", limit=Decimal(9)))
    spend(agent, "9")
    page = text(as_vera)
    for tone, icon, word in (
        ("backoff", "warning", "Near limit"),
        ("crashed", "crashed", "Used up"),
    ):
        shown = rf'="{tone}"><svg[^>]*><use href="#i-{icon}"></use></svg>{word}<'
        assert re.search(shown, page)
    assert '<a href="/agents/near/">near</a>' in page
    assert "$9.00 of $10.00" in page


def test_the_overview_names_budgets_that_need_a_person(as_vera: Client) -> None:
    agent = thinker("near", budget={"day": 10})
    spend(agent, "7")
    assert "Budget of near" not in text(as_vera, "/")
    spend(agent, "1")
    page = text(as_vera, "/")
    assert "Budget of near" in page
    assert "$8.00 of $10.00 spent today (80 %)." in page
    assert "New work is refused." not in page
    spend(agent, "2")
    assert "New work is refused." in text(as_vera, "/")


def test_it_costs_the_same_for_any_number_of_agents(as_vera: Client) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            text(as_vera)
        return len(queries)

    spend(thinker("first", budget={"day": 5}))
    few = cost()
    for number in range(20):
        spend(thinker(f"more-{number}", budget={"day": 5}))
    assert cost() == few


def test_names_are_shown_as_text(as_vera: Client) -> None:
    spend(thinker(), "1", model="<b>big</b>")
    assert "&lt;b&gt;big&lt;/b&gt;" in text(as_vera)
