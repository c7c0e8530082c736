"""Phases of work in a real browser: asked by the keyboard, followed to their end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import Look
from tests.browser.people import (
    focus_by_tab,
    is_live,
    is_the_same_document,
    mark_the_document,
    shell,
    sign_in,
)
from tests.harness.hub import HubProcess

SECOND = 1000
TEAM = """
agents:
  - {name: builder, kind: native_llm, provider: demo}
  - {name: tester, kind: native_llm, provider: demo}
"""
# Somebody who is long in coming, with work of two others that waits for it.
WAITED_FOR = """
from agents.models import Agent
from agents.services import tasks
from agents.services.lifecycle import Asker
from agents.services.phases import Phase
from agents.services.tasks import Ask
for name, phase in (
    ("builder", Phase("a-long-name-of-a-phase-that-is-built", 2)),
    ("tester", Phase("tested", 1, "a-long-name-of-a-phase-that-is-built")),
):
    agent = Agent.objects.get(name=name)
    tasks.ask(agent.pk, Ask("/pause 600", phase=phase), Asker("admin", "page"))
"""


@pytest.fixture(scope="module")
def team(module_hub: HubProcess) -> Iterator[HubProcess]:
    (module_hub.home / "team.yaml").write_text(TEAM)
    for line in (["import", "team.yaml"], ["start", "--all", "--wait", "20"]):
        done = module_hub.agents(*line)
        assert done.returncode == 0, done.stderr
    yield module_hub


def test_the_next_phase_is_asked_by_keyboard_and_begins_while_it_is_watched(
    team: HubProcess, page: Page
) -> None:
    sign_in(page, team)
    for name, prompt, fields in (
        ("builder", "/pause 3\n/say built", ("built", "1", "")),
        ("tester", "/say tested", ("", "", "built")),
    ):
        page.goto(f"{team.url}/agents/{name}/")
        page.get_by_label("What is to be done").fill(prompt)
        focus_by_tab(page, "details:has(#phase-barrier) > summary")
        page.keyboard.press("Enter")
        for text in fields:
            page.keyboard.press("Tab")
            page.keyboard.type(text)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{team.url}/tasks/*/")
    is_live(page)
    mark_the_document(page)
    status = page.locator("#task-status")
    expect(status).to_contain_text("It waits until all have arrived at built")
    expect(status).to_have_attribute("data-task", "succeeded", timeout=10 * SECOND)
    expect(status).not_to_contain_text("It waits")
    assert is_the_same_document(page)


@pytest.fixture(scope="module")
def waited_for(team: HubProcess) -> HubProcess:
    shell(team, WAITED_FOR)
    return team


def test_what_is_said_of_phases_fits_wherever_it_is_read(
    waited_for: HubProcess, page: Page, look: Look
) -> None:
    sign_in(page, waited_for)
    page.goto(f"{waited_for.url}/barriers/")
    long = page.locator("[data-barrier=a-long-name-of-a-phase-that-is-built]")
    expect(long).to_contain_text("Work of builder arrives here; 1 task begins once all")
    expect(long).to_contain_text("and 1, nobody knows who")
    expect(long.get_by_role("button", name="Delete")).to_have_count(0)
    look.check("barriers")
    page.goto(f"{waited_for.url}/tasks/?agent=tester")
    page.get_by_role("link", name="/pause 600").first.click()
    expect(page.locator("#task-facts")).to_contain_text("tested, round 1: awaited")
    look.check("task")
    page.goto(f"{waited_for.url}/agents/builder/")
    page.get_by_text("Phases").click()
    look.check("ask")
