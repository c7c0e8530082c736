"""Barriers in a browser: watched live, made and reset, at any width, light and dark."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import is_the_same_document, mark_the_document, sign_in
from tests.harness.browser import Complaints
from tests.harness.hub import HubProcess

ROOM = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
LONG = "the-nightly-build-of-the-whole-platform-team-and-all-its-tests"
NAMES = ["web", "api", LONG]
MAKE = """
from agents.models import Agent
from agents.services import barriers
for name in ("meet", "{long}"):
    barriers.make(name, ["web", "api", "{long}"], by="admin", timeout=86400.0)
barriers.make("crowd", 9, by="admin")
barriers.arrive("meet", Agent.objects.get(name="api").pk, None)
barriers.arrive("crowd", Agent.objects.get(name="api").pk, None)
barriers.reset("{long}", "admin")
"""
ARRIVE = """
from agents.models import Agent
from agents.services import barriers
barriers.arrive("meet", Agent.objects.get(name="web").pk, None)
"""


@pytest.fixture(scope="module")
def meeting(module_hub: HubProcess) -> HubProcess:
    """A hub with agents that meet."""
    agents = [{"name": name, "command": ["sleep", "600"]} for name in NAMES]
    (module_hub.home / "agents.json").write_text(json.dumps({"agents": agents}))
    assert module_hub.agents("import", "agents.json").returncode == 0
    shell(module_hub, MAKE.format(long=LONG))
    return module_hub


def shell(hub: HubProcess, code: str) -> None:
    done = hub.manage("shell", "--verbosity", "0", "-c", code)
    assert done.returncode == 0, done.stderr


def open_barriers(page: Page, hub: HubProcess) -> None:
    """By the link that every page has."""
    sign_in(page, hub)
    main = page.get_by_role("navigation", name="Main")
    main.get_by_role("link", name="Barriers").click()
    expect(page.locator("#link")).to_have_attribute("data-state", "live")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_nothing_is_cut_off_at_any_width_in_light_and_dark(
    meeting: HubProcess,
    page: Page,
    complaints: Complaints,
    tmp_path: Path,
    width: int,
    scheme: str,
) -> None:
    complaints.forgive(r"status of 422 .*/barriers/make")
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 800})
    open_barriers(page, meeting)
    assert page.evaluate(ROOM) == 0
    page.get_by_text("New barrier").click()
    page.locator("#name").fill("new")
    page.locator("#parties").fill("nobody")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("There is no agent 'nobody'.")
    assert page.evaluate(ROOM) == 0
    page.screenshot(path=tmp_path / f"barriers-{width}-{scheme}.png", full_page=True)


def test_an_arrival_is_seen_as_it_happens_and_a_round_is_reset_with_a_reason(
    meeting: HubProcess, page: Page
) -> None:
    open_barriers(page, meeting)
    mark_the_document(page)
    meet = page.locator("[data-barrier=meet]")
    expect(meet).to_contain_text("1 of 3")
    shell(meeting, ARRIVE)
    expect(meet).to_contain_text("2 of 3")
    assert is_the_same_document(page)

    page.get_by_role("button", name="Reset meet…").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("Reset meet?")
    page.get_by_label("Reason").fill("wrong phase")
    page.keyboard.press("Enter")
    expect(page.locator("#flash")).to_contain_text("meet is at round 2.")
    expect(meet).to_contain_text("0 of 3")
