"""What tests in a browser share beside the browser itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.looks import SCHEMES, WIDTHS, Look, Scheme


@pytest.fixture(params=SCHEMES)
def scheme(request: pytest.FixtureRequest) -> Scheme:
    chosen: Scheme = request.param
    return chosen


@pytest.fixture(params=WIDTHS)
def look(
    request: pytest.FixtureRequest, page: Page, scheme: Scheme, tmp_path: Path
) -> Look:
    """The page at one width in one scheme; a test that asks for it runs in each."""
    look = Look(page, request.param, scheme, tmp_path)
    look.take()
    return look
