"""How times and texts read in a terminal; figures are the pages' own."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from agents.services.figures import NOTHING, seconds


def printable(text: str) -> str:
    """On one line, and without what could steer a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)


def age(moment: datetime | None) -> str:
    """How long ago."""
    if moment is None:
        return NOTHING
    return seconds(round((timezone.now() - moment).total_seconds()))


def clock(moment: datetime | None) -> str:
    """Date and time, UTC."""
    return moment.strftime("%Y-%m-%d %H:%M:%S") if moment else NOTHING


def number(value: int | None) -> str:
    """The number, or the sign for none."""
    return NOTHING if value is None else str(value)
