"""A real web server is started, watched, stopped and restarted from every door."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import (
    is_live,
    is_the_same_document,
    mark_the_document,
    row,
    sign_in,
)
from tests.harness.hub import HubProcess

SECOND = 1000
WEB = """
agents:
  - name: web
    command: ["python3", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    stop_signal: INT
  - name: other
    command: ["sleep", "3600"]
"""


@pytest.fixture
def web(module_hub: HubProcess) -> Iterator[HubProcess]:
    """A hub with a stopped web server."""
    (module_hub.home / "web.yaml").write_text(WEB)
    done = module_hub.agents("import", "web.yaml")
    assert done.returncode == 0, done.stderr
    yield module_hub
    assert module_hub.agents("stop", "--all", "--wait", "10").returncode == 0


def test_start_output_stop_and_restart_from_the_agents_own_page(
    web: HubProcess, page: Page
) -> None:
    sign_in(page, web)
    page.goto(f"{web.url}/agents/web/")
    mark_the_document(page)
    status = page.locator("#agent-status")
    expect(status).to_have_attribute("data-status", "stopped")
    is_live(page)

    page.get_by_role("button", name="Start", exact=True).click()
    expect(status).to_have_attribute("data-status", "running", timeout=SECOND)
    lines = page.locator("#output-lines")
    expect(lines).to_contain_text("Serving HTTP on", timeout=2 * SECOND)
    # The page was opened before the first run: its downloads come with the run.
    download = page.locator("#download-out")
    expect(download).to_be_visible()
    answer = page.request.get(f"{web.url}{download.get_attribute('href')}")
    assert "Serving HTTP on" in answer.text()

    (first,) = web.agents_json("status", "web")
    page.get_by_role("button", name="Restart").click()
    expect(status).to_contain_text("Run2", timeout=2 * SECOND)
    expect(status).to_have_attribute("data-status", "running")
    (second,) = web.agents_json("status", "web")
    assert second["pid"] != first["pid"]

    page.get_by_role("button", name="Stop", exact=True).click()
    expect(status).to_have_attribute("data-status", "stopped", timeout=2 * SECOND)
    assert is_the_same_document(page)


def test_a_change_by_the_command_line_reaches_the_open_list_within_a_second(
    web: HubProcess, page: Page
) -> None:
    sign_in(page, web)
    page.goto(f"{web.url}/agents/")
    mark_the_document(page)
    is_live(page)
    for command, status in (("start", "running"), ("stop", "stopped")):
        done = web.agents(command, "web", "--wait", "10")
        assert done.returncode == 0, done.stderr
        expect(row(page, "web")).to_have_attribute(
            "data-status", status, timeout=SECOND
        )
    expect(row(page, "other")).to_have_attribute("data-status", "stopped")
    assert is_the_same_document(page)


def test_a_bulk_action_in_the_admin_reaches_the_open_list(
    web: HubProcess, page: Page
) -> None:
    sign_in(page, web)
    page.goto(f"{web.url}/agents/")
    is_live(page)
    admin = page.context.new_page()

    admin.goto(f"{web.url}/admin/agents/agent/")
    choose_in_admin(admin, ("web", "other"), "start")
    expect(admin.locator(".messagelist")).to_contain_text("2 asked")
    expect(row(page, "web")).to_have_attribute("data-status", "running", timeout=SECOND)

    admin.goto(f"{web.url}/admin/agents/agent/")
    choose_in_admin(admin, ("web", "other"), "stop")
    admin.locator("#content").get_by_role("button", name="Stop").click()
    expect(admin.locator(".messagelist")).to_contain_text("2 asked")
    expect(row(page, "web")).to_have_attribute(
        "data-status", "stopped", timeout=2 * SECOND
    )


def choose_in_admin(page: Page, names: tuple[str, ...], action: str) -> None:
    """Tick agents in the admin's list, choose what to do, and go."""
    for name in names:
        line = page.locator("#result_list tbody tr").filter(has_text=name)
        line.locator("input.action-select").check()
    page.select_option("select[name=action]", action)
    page.locator(".actions button[type=submit]").first.click()
