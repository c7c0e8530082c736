"""The header of every page: all of it within reach, however wide the screen is."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import fits, on_a_phone
from tests.browser.people import open_by_link
from tests.harness.hub import HubProcess

# At both sides of where it is laid out anew, and in between.
WIDTHS = (1440, 1280, 1241, 1240, 1024, 768, 721, 720, 480, 360, 320)
LONG_NAME = "document.querySelector('.person').textContent = 'a-long-name-'.repeat(4)"


@pytest.mark.parametrize("name", ["as it is", "long"])
def test_nothing_of_it_is_out_of_reach_at_any_width(
    module_hub: HubProcess, page: Page, name: str
) -> None:
    open_by_link(page, module_hub, "Locks")
    if name == "long":
        page.evaluate(LONG_NAME)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        fits(page)
        for button in ("Pause updates", "Sign out"):
            expect(page.get_by_role("button", name=button)).to_be_in_viewport(ratio=1)
        brake = page.get_by_role("link", name="Brake all agents")
        expect(brake).to_be_in_viewport(ratio=1)


def test_on_a_phone_the_name_of_the_open_page_is_in_sight(
    module_hub: HubProcess, page: Page
) -> None:
    on_a_phone(page)
    open_by_link(page, module_hub, "Tokens")
    link = page.get_by_role("navigation", name="Main").get_by_role(
        "link", name="Tokens"
    )
    expect(link).to_have_attribute("aria-current", "page")
    expect(link).to_be_in_viewport(ratio=1)
