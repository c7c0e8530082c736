"""A provider's connection is tested from its page, which follows without a reload."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.looks import fits, on_a_phone
from tests.browser.people import is_the_same_document, mark_the_document, sign_in
from tests.harness.hub import HubProcess
from tests.harness.llm.answers import Answer
from tests.harness.llm.aside import standing_in
from tests.harness.llm.ollama import OllamaWire

SECOND = 1000
ANYTHING = re.compile(".")


def test_the_test_of_a_connection_is_followed_to_its_end_without_a_reload(
    hub: HubProcess, page: Page
) -> None:
    sign_in(page, hub)
    page.goto(f"{hub.url}/admin/agents/provider/")
    page.get_by_role("link", name="ollama", exact=True).click()
    check = page.locator("#provider-check")
    expect(check).to_contain_text("not tested")
    with standing_in(OllamaWire(), Answer(delay=2.0)) as standin:
        page.get_by_label("Base URL").fill(standin.url)
        page.get_by_role("button", name="Save and continue editing").click()
        page.get_by_role("button", name="Test connection").click()
        expect(check).to_contain_text("Checking…")
        mark_the_document(page)
        expect(check).to_contain_text("names 2 models", timeout=10 * SECOND)
    expect(check).to_contain_text("Answers")
    expect(check).not_to_have_attribute("hx-get", ANYTHING)
    assert is_the_same_document(page)


def test_the_page_of_a_provider_fits_a_small_screen(
    hub: HubProcess, page: Page
) -> None:
    on_a_phone(page)
    sign_in(page, hub)
    for path in ("provider/", "provider/add/", "agent/add/?kind=native_llm"):
        page.goto(f"{hub.url}/admin/agents/{path}")
        fits(page)
