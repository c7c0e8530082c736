"""The usage page in a real browser: wide and narrow, light and dark, by keyboard."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import Look, on_a_phone
from tests.browser.people import focus_by_tab, is_live, open_by_link, sign_in
from tests.harness.hub import HubProcess
from tests.harness.waiting import until

SPENT = """
from datetime import timedelta
from decimal import Decimal
from agents.models import Budget
from agents.services import budgets
from agents.services.prices import Tokens
from tests.harness.spending import spend, thinker

names = ("reviewer", "planner-of-everything-in-the-house", "tester")
agents = [thinker(name) for name in names]
for day in range(30):
    for number, agent in enumerate(agents):
        used = Tokens(12345 * (day % 7 + 1), 800_000, 4000, 900 * (day % 5), 300)
        cost = None if day == 3 else f"{(day % 7 + number) / 3:.4f}"
        model = f"claude-model-{number}"
        spend(agent, cost, model=model, tokens=used, ago=timedelta(days=day))
agents[0].budget = {"day": 0.01, "month": 5000}
agents[0].save(update_fields=["budget"])
budgets.save(Budget(scope="all", period="day", limit=Decimal("1.20")))
"""


@pytest.fixture(scope="module")
def spent(module_hub: HubProcess) -> HubProcess:
    """A hub whose agents have spent something for a month."""
    done = module_hub.manage("shell", "-c", SPENT)
    assert done.returncode == 0, done.stderr
    return module_hub


def test_nothing_is_cut_off_at_any_width_in_light_and_dark(
    spent: HubProcess, page: Page, look: Look
) -> None:
    sign_in(page, spent)
    look.check("overview")
    page.goto(f"{spent.url}/usage/?period=30d")
    is_live(page)
    expect(page.locator(".usage-chart rect")).to_have_count(30)
    expect(page.locator("#budgets li")).to_have_count(3)
    look.check("usage")


def test_a_period_is_chosen_and_a_table_scrolled_by_keyboard_alone(
    spent: HubProcess, page: Page
) -> None:
    on_a_phone(page)
    sign_in(page, spent)
    page.goto(f"{spent.url}/usage/?period=today")
    focus_by_tab(page, '.chips a[href="?period=30d"]')
    page.keyboard.press("Enter")
    page.wait_for_url("**/usage/?period=30d")
    expect(page.get_by_role("link", name="30 days")).to_have_attribute(
        "aria-current", "true"
    )
    focus_by_tab(page, '.table-frame[aria-labelledby="agents-title"]')
    page.keyboard.press("ArrowRight")
    left = "() => document.activeElement.scrollLeft"
    until(lambda: page.evaluate(left) > 0, what="the table to be scrolled")


def test_the_chart_and_the_tables_have_names_for_who_does_not_see_them(
    spent: HubProcess, page: Page
) -> None:
    open_by_link(page, spent, "Usage")
    expect(page.get_by_role("img", name="Spent by day")).to_be_visible()
    for name in ("By agent", "By model", "By day"):
        expect(page.get_by_role("region", name=name).last).to_be_visible()
    expect(page.get_by_role("rowheader", name="reviewer")).to_be_visible()
