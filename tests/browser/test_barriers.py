"""Barriers in a browser: watched live, made and reset, at any width, light and dark."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import Look
from tests.browser.people import (
    is_the_same_document,
    mark_the_document,
    open_by_link,
    shell,
)
from tests.harness.browser import Complaints
from tests.harness.hub import HubProcess

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


def test_nothing_is_cut_off_at_any_width_in_light_and_dark(
    meeting: HubProcess, page: Page, complaints: Complaints, look: Look
) -> None:
    complaints.forgive(r"status of 422 .*/barriers/make")
    open_by_link(page, meeting, "Barriers")
    look.check("barriers")
    page.get_by_text("New barrier").click()
    page.locator("#name").fill("new")
    page.locator("#parties").fill("nobody")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("There is no agent 'nobody'.")
    look.check("refused")


def test_an_arrival_is_seen_as_it_happens_and_a_round_is_reset_with_a_reason(
    meeting: HubProcess, page: Page
) -> None:
    open_by_link(page, meeting, "Barriers")
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
