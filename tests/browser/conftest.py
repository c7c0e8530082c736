"""What tests in a browser share beside the browser itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.looks import Look


@pytest.fixture
def look(page: Page, tmp_path: Path) -> Look:
    """The page, looked at in every width and colour scheme at each `check`."""
    return Look(page, tmp_path)
