"""What a person does in a browser: signs in, opens a page, reads its status."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.harness.hub import ADMIN_PASSWORD, HubProcess


def sign_in(page: Page, hub: HubProcess, user: str = "admin") -> None:
    """Sign in through the sign-in page; the overview opens."""
    page.goto(f"{hub.url}/")
    page.fill("[name=username]", user)
    page.fill("[name=password]", ADMIN_PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{hub.url}/")


def row(page: Page, name: str) -> Locator:
    """The agent's row on the agents page."""
    return page.locator(f"tr[data-name={name}]")


def mark_the_document(page: Page) -> None:
    """A reload would lose this mark."""
    page.evaluate("() => { window.sameDocument = true; }")


def is_the_same_document(page: Page) -> bool:
    """Whether the page has not been loaded again since it was marked."""
    return bool(page.evaluate("() => window.sameDocument === true"))


def open_by_link(page: Page, hub: HubProcess, name: str) -> None:
    """Sign in and follow the link that every page has; it is live then."""
    sign_in(page, hub)
    main = page.get_by_role("navigation", name="Main")
    main.get_by_role("link", name=name).click()
    is_live(page)


def is_live(page: Page) -> None:
    """Wait until the page follows what happens."""
    expect(page.locator("#link")).to_have_attribute("data-state", "live")


def focus_by_tab(
    page: Page, selector: str, most: int = 40, *, back: bool = False
) -> None:
    """Press Tab until this has the focus; `back`: with Shift."""
    for _ in range(most):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"{selector} is not reached by {most} times Tab")


def shell(hub: HubProcess, code: str) -> None:
    """Run Python beside the hub, on its database."""
    done = hub.manage("shell", "--verbosity", "0", "-c", code)
    assert done.returncode == 0, done.stderr
