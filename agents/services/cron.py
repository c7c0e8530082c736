"""Cron expressions: what is wrong with one, and when it comes round. In UTC."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from croniter import CroniterBadDateError, croniter
from django.utils import timezone

# croniter takes more, such as R for a time by chance.
MONTHS: Final = "jan feb mar apr may jun jul aug sep oct nov dec"
DAYS: Final = "sun mon tue wed thu fri sat"
WORDS: Final = frozenset({*MONTHS.split(), *DAYS.split(), "l"})
FIELDS: Final = ("minute", "hour", "day of the month", "month", "day of the week")


def problem(text: str) -> str | None:
    """Why this is no cron expression; None when it is one and its time comes."""
    parts = text.split()
    if len(parts) != len(FIELDS):
        return (
            f"Give five parts: {', '.join(FIELDS)}. There are {len(parts)}. "
            "Every day at half past six is “30 6 * * *”."
        )
    for at, (part, name) in enumerate(zip(parts, FIELDS, strict=True)):
        alone = ["*"] * len(FIELDS)
        alone[at] = part
        known = set(re.findall("[a-z]+", part.lower())) <= WORDS
        if not known or not croniter.is_valid(" ".join(alone)):
            return f"{part[:40]!r} cannot stand for the {name}."
    try:
        upcoming(text, 1)
    except CroniterBadDateError:
        return "There is no such day in any year."
    except ValueError as error:
        return str(error)
    return None


def upcoming(text: str, count: int, after: datetime | None = None) -> list[datetime]:
    """The next times of a good expression, after now or another moment."""
    times = croniter(text, after or timezone.now(), ret_type=datetime)
    return [times.get_next() for _ in range(count)]
