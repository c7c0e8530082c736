"""What a person does in a browser: signs in, opens an agent, reads its status."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

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
