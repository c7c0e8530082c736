"""The fleet brake in a real browser: pulled on one page, seen on all, released."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from tests.browser.people import is_live, sign_in
from tests.harness.hub import HubProcess

SECOND = 1000
AGENTS = """
agents:
  - name: web
    command: ["sleep", "3600"]
"""


def test_it_is_pulled_from_any_page_seen_on_every_other_and_released(
    module_hub: HubProcess, page: Page, chromium: Browser
) -> None:
    hub = module_hub
    (hub.home / "web.yaml").write_text(AGENTS)
    assert hub.agents("import", "web.yaml").returncode == 0
    assert hub.agents("start", "web", "--wait", "10").returncode == 0
    sign_in(page, hub)
    other = page.context.new_page()
    other.goto(f"{hub.url}/agents/")
    page.goto(f"{hub.url}/tasks/")
    for one in (page, other):
        is_live(one)

    # By keyboard alone.
    page.get_by_role("link", name="Brake all agents").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Why")).to_be_focused()
    page.keyboard.type("they delete files")
    dialog.get_by_label("Interrupt tasks, and stop all agents").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    for one in (page, other):
        banner = one.locator("#brake .banner")
        expect(banner).to_contain_text("they delete files", timeout=SECOND)
        expect(banner).to_contain_text("It stopped web.")
    row = other.locator("tr[data-name=web]")
    expect(row).to_have_attribute("data-status", "stopped", timeout=2 * SECOND)

    # It survives the hub.
    other.close()
    page.goto("about:blank")
    hub.stop()
    hub.start()
    page.goto(f"{hub.url}/tasks/")
    banner = page.locator("#brake .banner")
    expect(banner).to_contain_text("they delete files")
    banner.get_by_role("link", name="Release…").click()
    page.get_by_label("Why it may go on").fill("all is well")
    expect(page.get_by_label("Start again what it stopped")).to_be_checked()
    page.get_by_role("button", name="Release").click()
    expect(banner).to_be_hidden(timeout=SECOND)
    page.goto(f"{hub.url}/agents/web/")
    status = page.locator("#agent-status")
    expect(status).to_have_attribute("data-status", "running", timeout=2 * SECOND)
    expect(page.get_by_role("region", name="History")).to_contain_text(
        "released by admin: all is well"
    )
