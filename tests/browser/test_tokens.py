"""A person makes a token in a browser, copies it, uses it and takes it back."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import Look
from tests.browser.people import focus_by_tab, open_by_link
from tests.harness.browser import Complaints
from tests.harness.hub import HubProcess

CLIPBOARD = ["clipboard-read", "clipboard-write"]
LONG = "the-nightly-build-of-the-whole-platform-team"


@pytest.fixture(scope="module")
def hub_with_tokens(module_hub: HubProcess) -> HubProcess:
    """A hub whose administrator has tokens, one of them revoked."""
    for line in (
        ["--name", LONG, "--scope", "operate", "--expires", "30"],
        ["--name", "old"],
        ["--revoke", "old"],
    ):
        done = module_hub.manage("apitoken", "admin", *line)
        assert done.returncode == 0, done.stderr
    return module_hub


def test_nothing_is_cut_off_at_any_width_in_light_and_dark(
    hub_with_tokens: HubProcess, page: Page, complaints: Complaints, look: Look
) -> None:
    complaints.forgive(r"status of 422 .*/tokens/")
    open_by_link(page, hub_with_tokens, "Tokens")
    name = "looked at"
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Make token").click()
    expect(page.locator("#secret")).to_be_visible()
    page.locator("summary").filter(has_text="Revoked").click()
    expect(page.get_by_role("rowheader", name="old")).to_be_visible()
    look.check("made")

    page.get_by_label("Name").fill(LONG)
    page.get_by_role("button", name="Make token").click()
    expect(page.locator("#name-error")).to_be_visible()
    expect(page.get_by_label("Name")).to_be_focused()
    look.check("taken")

    page.get_by_role("button", name=f"Revoke {name}…").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    look.check("asks")


def test_a_token_is_made_copied_tried_and_revoked_by_keyboard_alone(
    hub_with_tokens: HubProcess, page: Page
) -> None:
    hub = hub_with_tokens
    page.context.grant_permissions(CLIPBOARD, origin=hub.url)
    open_by_link(page, hub, "Tokens")
    focus_by_tab(page, "#name")
    page.keyboard.type("robot")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")  # From view to operate.
    page.keyboard.press("Enter")
    expect(page.locator("#made-title")).to_contain_text("robot is made")
    expect(page.locator("#made-title")).to_be_focused()

    copied = "() => navigator.clipboard.readText()"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#announcer")).to_have_text("Copied")
    secret = page.evaluate(copied)
    assert secret.startswith("ahp_") and secret == page.inner_text("#secret")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function("navigator.clipboard.readText().then(t => t[0] === 'c')")
    line = page.evaluate(copied)
    answer = hub.run(f"{line} --silent --show-error --fail")
    assert (answer.returncode, json.loads(answer.stdout)["items"]) == (0, [])
    start = f"{line}/batch --silent --json '" + '{"action": "start", "all": true}' + "'"
    assert json.loads(hub.run(start).stdout) == {"results": []}

    focus_by_tab(page, '[aria-label="Revoke robot…"]')
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("Revoke robot?")
    focus_by_tab(page, "dialog .danger")
    page.keyboard.press("Enter")
    expect(page.locator("#flash")).to_contain_text("robot lets nobody in any more.")
    assert page.locator("#secret").count() == 0
    refused = hub.run(f"{line} --silent")
    assert json.loads(refused.stdout)["status"] == 401


def test_a_revocation_that_is_thought_better_of_changes_nothing(
    hub_with_tokens: HubProcess, page: Page
) -> None:
    open_by_link(page, hub_with_tokens, "Tokens")
    button = page.get_by_role("button", name=f"Revoke {LONG}…")
    button.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(button).to_be_focused()
    page.reload()
    expect(page.get_by_role("button", name=f"Revoke {LONG}…")).to_be_visible()
