"""Pages as people have them: on a desk and on a phone, light and dark."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import FloatRect, Page

Scheme = Literal["light", "dark"]
SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")
WIDTHS: Final = (1280, 360)
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
    """One width and one colour scheme, which the page has. `folder`: for pictures."""

    page: Page
    width: int
    scheme: Scheme
    folder: Path

    def take(self) -> None:
        """Let the page look like this."""
        self.page.emulate_media(color_scheme=self.scheme)
        self.page.set_viewport_size({"width": self.width, "height": 800})

    def check(self, name: str) -> None:
        """Nothing of the page is cut off; a picture of its beginning is kept."""
        fits(self.page)
        path = self.folder / f"{name}-{self.width}-{self.scheme}.png"
        height = min(self.page.evaluate(HEIGHT), MOST_SHOWN)
        part: FloatRect = {"x": 0, "y": 0, "width": self.width, "height": height}
        self.page.screenshot(path=path, full_page=True, clip=part)


def on_a_phone(page: Page) -> None:
    """Make it as wide as the narrowest screen that it has to fit."""
    page.set_viewport_size({"width": PHONE, "height": 740})


def fits(page: Page) -> None:
    """Nothing stands out at its side."""
    room = page.evaluate(ROOM)
    assert room == 0, f"{page.url} is {room} px too wide"
