"""A batch in a real browser: made from a selection, followed live, cancelled."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.people import (
    is_live,
    is_the_same_document,
    mark_the_document,
    sign_in,
)
from tests.harness.hub import HubProcess

SECOND = 1000
FLEET = """
agents:
  - {name: web-0, command: [sleep, "3600"]}
  - {name: web-1, command: [sleep, "3600"]}
  - {name: web-2, command: [sleep, "3600"]}
  - {name: web-3, command: [sleep, "3600"]}
  - {name: broken, command: [/no/such/program]}
"""
NEVER_READY = """
agents:
  - name: slow-a
    command: [sleep, "3600"]
    probes: [{type: exec, command: ["false"], readiness: true}]
  - {name: slow-b, command: [sleep, "3600"]}
"""


def test_a_batch_is_made_from_a_selection_and_followed_without_a_reload(
    module_hub: HubProcess, page: Page
) -> None:
    hub = module_hub
    (hub.home / "fleet.yaml").write_text(FLEET)
    assert hub.agents("import", "fleet.yaml").returncode == 0
    sign_in(page, hub)
    page.goto(f"{hub.url}/agents/")
    is_live(page)

    # By keyboard alone.
    page.get_by_label("Select all shown").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="As a batch…").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("5 agents as a batch")
    dialog.get_by_label("What to do").select_option("start")
    dialog.get_by_label("At once").fill("1")
    dialog.get_by_label("Reason").fill("a new day")
    page.keyboard.press("Enter")
    page.wait_for_url("**/batches/*/")
    mark_the_document(page)
    status = page.locator("#batch-status")
    expect(status).to_contain_text("5 of 5 agents", timeout=20 * SECOND)
    expect(status).to_have_attribute("data-status", "done, 1 failed")
    rows = page.locator("table.items tbody tr")
    expect(rows.filter(has_text="web-2")).to_contain_text("Done")
    expect(rows.filter(has_text="broken")).to_contain_text("Failed")
    expect(rows).to_have_count(5)
    assert is_the_same_document(page)
    page.get_by_role("link", name="Batches").first.click()
    expect(page.locator("#batch-list")).to_contain_text("5 of 5, 1 failed")


def test_a_batch_is_cancelled_and_its_page_says_so_at_once(
    module_hub: HubProcess, page: Page
) -> None:
    hub = module_hub
    (hub.home / "slow.yaml").write_text(NEVER_READY)
    assert hub.agents("import", "slow.yaml").returncode == 0
    sign_in(page, hub)
    page.goto(f"{hub.url}/agents/?q=slow")
    page.get_by_role("link", name="All 2 as a batch…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("What to do").select_option("start")
    dialog.get_by_label("At once").fill("1")
    dialog.get_by_role("button", name="Begin").click()
    page.wait_for_url("**/batches/*/")
    rows = page.locator("table.items tbody tr")
    expect(rows.filter(has_text="slow-a")).to_contain_text("Under way")
    page.get_by_role("button", name="Cancel the rest").click()
    status = page.locator("#batch-status")
    expect(status).to_contain_text("Being cancelled", timeout=2 * SECOND)
    expect(rows.filter(has_text="slow-b")).to_contain_text("Not begun")
    expect(page.get_by_role("button", name="Cancel the rest")).to_be_hidden()
    assert hub.agents("stop", "slow-a", "--wait", "20").returncode == 0
    expect(status).to_have_attribute("data-status", "cancelled", timeout=3 * SECOND)
