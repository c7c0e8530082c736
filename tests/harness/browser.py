"""The Chromium that the machine has, and what it complains about."""

from __future__ import annotations

import re
import shutil

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, WebError

MISSING = "BROWSER TESTS WERE SKIPPED: install chromium (apt-get install chromium)"

# The machine may be without a sandbox, a GPU and a network: ask for none of them.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


class Complaints:
    """Console errors, uncaught exceptions and breaches of the CSP, as heard.

    A test that provokes one on purpose forgives it by a regular expression.
    """

    def __init__(self, context: BrowserContext) -> None:
        self.heard: list[str] = []
        self._forgiven: list[re.Pattern[str]] = []
        context.on("console", self._hear_console)
        context.on("weberror", self._hear_exception)

    def forgive(self, pattern: str) -> None:
        self._forgiven.append(re.compile(pattern))

    def unforgiven(self, page: Page) -> list[str]:
        # Playwright hands out events during its own calls: make one.
        if not page.is_closed():
            page.evaluate("0")
        return [
            text
            for text in self.heard
            if not any(pattern.search(text) for pattern in self._forgiven)
        ]

    def _hear_console(self, message: ConsoleMessage) -> None:
        # Chromium reports breaches of the content security policy here too.
        if message.type == "error":
            where = message.location.get("url", "")
            self.heard.append(f"console: {message.text} ({where})")

    def _hear_exception(self, error: WebError) -> None:
        self.heard.append(f"uncaught: {error.error}")
