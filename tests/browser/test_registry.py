"""The registry in a real browser: wide, narrow, light, dark, live, by keyboard."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import Look
from tests.browser.people import is_live, open_by_link, sign_in
from tests.harness.hub import HubProcess

AGENTS = {
    "agents": [
        {
            "name": "web",
            "command": ["sleep", "600"],
            "role": "serves what the others have built, day and night",
            "labels": {"team": "search"},
            "capabilities": ["http"],
        },
        {"name": "thinker", "kind": "native_llm", "provider": "demo", "role": "coder"},
    ]
}


def post(hub: HubProcess, token: str, path: str, body: dict[str, Any]) -> Any:
    sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    url = f"{hub.url}/api/v1/{path}"
    with urlopen(Request(url, json.dumps(body).encode(), sent), timeout=20) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def token(module_hub: HubProcess) -> str:
    """Of a person who may operate, at a hub with agents of its own."""
    hub = module_hub
    (hub.home / "agents.json").write_text(json.dumps(AGENTS))
    for line in (("import", "agents.json"), ("start", "--all", "--wait", "20")):
        done = hub.agents(*line)
        assert done.returncode == 0, done.stderr
    return hub.manage("apitoken", "admin", "--scope", "operate").stdout.strip()


def test_nothing_is_cut_off_at_any_width_in_light_and_dark(
    module_hub: HubProcess, token: str, page: Page, look: Look
) -> None:
    about = {"capabilities": ["review", "python"], "labels": {"where": "ci"}}
    note = "reads the tests of search, and all that they need to run"
    said = {"name": "far", "role": "reviewer", "activity": "working", "note": note}
    post(module_hub, token, "agents/register", said | about)
    sign_in(page, module_hub)
    for path in ("registry/", "agents/far/"):
        page.goto(f"{module_hub.url}/{path}")
        is_live(page)
        look.check(path.strip("/").replace("/", "-"))
    expect(page.get_by_role("button", name="Restart")).to_have_count(0)


def test_the_page_follows_what_an_agent_says_until_it_goes(
    module_hub: HubProcess, token: str, page: Page
) -> None:
    own = post(module_hub, token, "agents/register", {"name": "far"})["token"]
    open_by_link(page, module_hub, "Registry")
    row = page.locator('tr[data-name="far"]')
    said = {"activity": "waiting", "note": "for web"}
    post(module_hub, own, "agents/far/heartbeat", said)
    expect(row.locator('[data-activity="waiting"]')).to_be_visible()
    expect(row).to_contain_text("for web")
    page.goto(f"{module_hub.url}/agents/far/")
    is_live(page)
    page.get_by_role("button", name="Deregister").click()
    expect(page.locator("#flash")).to_contain_text("what it held is free")
    expect(page.locator("#agent-status")).to_have_attribute("data-status", "stopped")
    expect(page.get_by_role("button", name="Deregister")).to_have_count(0)


def test_agents_are_found_by_keyboard_alone(
    module_hub: HubProcess, token: str, page: Page
) -> None:
    sign_in(page, module_hub)
    page.goto(f"{module_hub.url}/registry/")
    page.locator("#q").focus()
    page.keyboard.type("serves")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=serves**")
    expect(page.locator(".registry tbody tr")).to_have_count(1)
    page.get_by_role("combobox", name="Kind").focus()
    # One key: the first change opens the next page, and takes the focus with it.
    page.keyboard.press("N")
    page.wait_for_url("**kind=native_llm**")
    expect(page.locator(".none-found")).to_be_visible()
