"""The docs of the API in a browser: at any width, light and dark, by keyboard."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.looks import Look
from tests.browser.people import focus_by_tab, sign_in
from tests.harness.hub import ADMIN_PASSWORD, HubProcess


def test_nothing_is_cut_off_at_any_width_in_light_and_dark(
    module_hub: HubProcess, page: Page, look: Look
) -> None:
    sign_in(page, module_hub)
    page.goto(f"{module_hub.url}/api/v1/docs")
    expect(page.get_by_role("heading", level=1)).to_have_text("Control API")
    look.check("docs")


def test_an_operation_is_found_and_its_line_copied_by_keyboard_alone(
    module_hub: HubProcess, page: Page
) -> None:
    page.context.grant_permissions(
        ["clipboard-read", "clipboard-write"], origin=module_hub.url
    )
    # Who comes by a link from elsewhere signs in on the way.
    page.goto(f"{module_hub.url}/api/v1/docs")
    page.fill("[name=username]", "admin")
    page.fill("[name=password]", ADMIN_PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{module_hub.url}/api/v1/docs")

    focus_by_tab(page, '.contents a[href="#post-agents-batch"]')
    page.keyboard.press("Enter")
    operation = page.locator("#post-agents-batch")
    expect(operation).to_be_in_viewport()
    focus_by_tab(page, "#post-agents-batch [data-copy]")
    page.keyboard.press("Enter")
    expect(page.locator("#announcer")).to_have_text("Copied")
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert copied == operation.locator("[data-copied]").inner_text()
    assert copied.startswith("curl ") and copied.endswith("/api/v1/agents/batch")

    # Back over its problems, to what it answers.
    focus_by_tab(page, '[href="#shape-BatchOut"]', back=True)
    page.keyboard.press("Enter")
    expect(page.locator("#shape-BatchOut")).to_be_in_viewport()


def test_the_page_of_tokens_leads_to_it(module_hub: HubProcess, page: Page) -> None:
    sign_in(page, module_hub)
    page.goto(f"{module_hub.url}/tokens/")
    page.get_by_role("main").get_by_role("link", name="control API").click()
    page.wait_for_url(f"{module_hub.url}/api/v1/docs")
    main = page.get_by_role("navigation", name="Main")
    expect(main.get_by_role("link", name="Control API")).to_have_attribute(
        "aria-current", "page"
    )
