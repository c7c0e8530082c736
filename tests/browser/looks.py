"""Pages as people have them: on a desk and on a phone, light and dark."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import FloatRect, Page

Scheme = Literal["light", "dark"]
SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")
# The narrow one first: what follows is done on a desk.
WIDTHS: Final = (360, 1280)
PHONE: Final = 360
# Pixels by which the page has to be scrolled sideways.
ROOM: Final = (
    "document.documentElement.scrollWidth - document.documentElement.clientWidth"
)

HEIGHT: Final = "document.documentElement.scrollHeight"
# Pixels; to draw all of a page as long as the API's docs takes seconds.
MOST_SHOWN: Final = 4000


@dataclass(frozen=True)
class Look:
    """A page in each width and colour scheme, one after the other. `folder`: for
    pictures."""

    page: Page
    folder: Path

    def check(self, name: str) -> None:
        """Nothing of the page is cut off; pictures of its beginning are kept."""
        for width, scheme in itertools.product(WIDTHS, SCHEMES):
            self.page.emulate_media(color_scheme=scheme)
            self.page.set_viewport_size({"width": width, "height": 800})
            fits(self.page)
            self._picture(f"{name}-{width}-{scheme}.png", width)

    def _picture(self, name: str, width: int) -> None:
        height = min(self.page.evaluate(HEIGHT), MOST_SHOWN)
        part: FloatRect = {"x": 0, "y": 0, "width": width, "height": height}
        self.page.screenshot(path=self.folder / name, full_page=True, clip=part)


def on_a_phone(page: Page) -> None:
    """Make it as wide as the narrowest screen that it has to fit."""
    page.set_viewport_size({"width": PHONE, "height": 740})


def fits(page: Page) -> None:
    """Nothing stands out at its side."""
    room = page.evaluate(ROOM)
    assert room == 0, f"{page.url} is {room} px too wide"
