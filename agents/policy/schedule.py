"""Schedules as plain data, and when one of their times has been missed.

Pure: the standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

# A time is kept if the hub comes to it this late; cron knows nothing below a minute.
LATEST: Final = timedelta(seconds=60)
MOST_NAMES: Final = 1000


def names_problem(names: object) -> str | None:
    """Why these cannot be names of agents; whether there are such is not judged."""
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        return 'Agents are a list of names: ["database", "web"].'
    if len(names) > MOST_NAMES:
        return f"At most {MOST_NAMES} names. Give the agents a label and use that."
    return None


def choice_problem(names: Sequence[str], labels: Mapping[str, str]) -> str | None:
    """Why these do not say which agents are meant."""
    if names and labels:
        return "Choose agents by name or by label, not by both."
    if not names and not labels:
        return "Name agents, or choose them by label."
    return None


def missed(due: datetime, now: datetime) -> str | None:
    """Why the time that was due is not kept any more; None when it is."""
    late = now - due
    if late <= LATEST:
        return None
    minutes = round(late.total_seconds() / 60)
    how = f"{minutes} min" if minutes < 120 else f"{round(minutes / 60)} h"
    return f"missed: the hub came to it {how} late, and missed times are not caught up"
