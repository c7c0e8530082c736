"""Locks in a browser: watched live, stolen and released, at any width, by keyboard."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import Look
from tests.browser.people import (
    focus_by_tab,
    is_live,
    is_the_same_document,
    mark_the_document,
    open_by_link,
    shell,
)
from tests.harness.hub import HubProcess

SECOND = 1000
LONG = "the-nightly-build-of-the-whole-platform-team-and-all-its-tests"
DEEP = "/".join(["packages"] * 12) + "/a_module_with_a_name_that_never_ends_at_all.py"
NAMES = ["web", "api", LONG]
SPACE = f"/srv/{DEEP}"
MANY = (DEEP, *(f"docs/{at}.md" for at in range(20)))
TAKE = """
from agents.models import Agent
from tests.harness.locking import claimed
for name, files, space in {wanted!r}:
    claimed(Agent.objects.get(name=name), *files, space=space)
"""
AT_ONCE = """() => document.addEventListener("htmx:afterSwap", () => setTimeout(() => {
  const form = document.querySelector("dialog[open] form");
  form.elements.reason.value = "at once";
  form.requestSubmit();
}, 0), {once: true})"""
END = """
from agents.models import LockClaim
from agents.services import locks
locks.release(LockClaim.objects.values_list("pk", flat=True), "the test has ended")
"""


def take(hub: HubProcess, agent: str, *files: str) -> None:
    """A place in the queue, or the lock."""
    shell(hub, TAKE.format(wanted=[(agent, files, "/srv/space")]))


@pytest.fixture(scope="module")
def fleet(module_hub: HubProcess) -> HubProcess:
    """A hub with agents that run."""
    agents = [{"name": name, "command": ["sleep", "600"]} for name in NAMES]
    (module_hub.home / "agents.json").write_text(json.dumps({"agents": agents}))
    for line in (("import", "agents.json"), ("start", "--all", "--wait", "20")):
        done = module_hub.agents(*line)
        assert done.returncode == 0, done.stderr
    return module_hub


def test_it_appears_without_a_reload_is_stolen_with_a_reason_and_goes(
    fleet: HubProcess, page: Page
) -> None:
    open_by_link(page, fleet, "Locks")
    expect(page.locator("#no-locks")).to_contain_text("Locks come about by themselves")
    mark_the_document(page)
    take(fleet, "web", "src/**")
    held = page.locator(".claim[data-agent=web]")
    expect(held).to_contain_text("Held", timeout=2 * SECOND)
    take(fleet, "api", "src/a.py")
    expect(held).to_contain_text("Waiting for it: api", timeout=2 * SECOND)
    waits = page.locator(".claim[data-agent=api]")
    expect(waits).to_contain_text("web has src/**")

    # By keyboard alone.
    focus_by_tab(page, '[aria-label="Steal the lock of web…"]')
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Who waits gets it then: api.")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    page.keyboard.press("Enter")  # Without one nothing is sent.
    expect(dialog).to_be_visible()
    page.keyboard.type("it sleeps")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.locator("#flash")).to_contain_text("of web on src/** is taken away.")
    expect(held).to_have_count(0)
    expect(waits).to_contain_text("Held")
    assert is_the_same_document(page)

    waits.get_by_role("button", name="Release the lock of api…").click()
    dialog.get_by_label("Reason").fill("forgotten")
    dialog.get_by_role("button", name="Release the lock").click()
    expect(page.locator("#no-locks")).to_be_visible()
    assert is_the_same_document(page)
    page.goto(f"{fleet.url}/agents/web/")
    expect(page.get_by_role("region", name="History")).to_contain_text(
        "its lock on src/** was stolen by admin: it sleeps"
    )


@pytest.fixture
def contested(fleet: HubProcess) -> Iterator[HubProcess]:
    """One has many files, and two wait for them, in a workspace far down."""
    wanted = [(LONG, MANY), ("web", (DEEP,)), ("api", (DEEP, "docs/**"))]
    shell(fleet, TAKE.format(wanted=[(*one, SPACE) for one in wanted]))
    yield fleet
    shell(fleet, END)


def test_a_dialog_that_is_answered_in_the_moment_it_opens_loads_no_page(
    contested: HubProcess, page: Page
) -> None:
    """As by a keyboard that is quicker than a busy browser."""
    open_by_link(page, contested, "Locks")
    mark_the_document(page)
    page.evaluate(AT_ONCE)
    page.get_by_role("button", name=f"Release the lock of {LONG}…").click()
    expect(page.locator("#flash")).to_contain_text("released")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert is_the_same_document(page)


def test_nothing_is_cut_off_at_any_width_in_light_and_dark(
    contested: HubProcess, page: Page, look: Look
) -> None:
    open_by_link(page, contested, "Locks")
    expect(page.get_by_role("heading", name=SPACE)).to_be_visible()
    look.check("locks")
    page.get_by_role("button", name=f"Steal the lock of {LONG}…").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    look.check("asks")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    waits = page.locator(".claim[data-agent=web]")
    waits.get_by_role("link", name="web", exact=True).click()
    page.wait_for_url("**/agents/web/")
    is_live(page)
