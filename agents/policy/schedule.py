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
# What only a schedule that asks for work may say, as it is when left alone.
OF_TASKS: Final[Mapping[str, object]] = {
    "prompt": "",
    "paths": [],
    "priority": 0,
    "timeout": None,
    "max_attempts": 3,
}


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


def task_problems(asks: bool, given: Mapping[str, object]) -> dict[str, str]:
    """Why these cannot stand beside an action that asks for work or does not."""
    if asks:
        paths = given["paths"]
        texts = isinstance(paths, list) and all(isinstance(p, str) for p in paths)
        found = {} if texts else {"paths": 'Paths are a list of globs: ["src/**"].'}
        if not str(given["prompt"]).strip():
            found["prompt"] = "Say what is to be done: to ask needs a prompt."
        return found
    return {
        name: f"Only a task has this. {_left_alone(usual)}"
        for name, usual in OF_TASKS.items()
        if given[name] != usual
    }


def _left_alone(usual: object) -> str:
    empty = usual in (None, "", [])
    return (
        f"{'Leave it empty' if empty else f'Leave it at {usual}'}, or choose the "
        "action “Ask”."
    )


def missed(due: datetime, now: datetime) -> str | None:
    """Why the time that was due is not kept any more; None when it is."""
    late = now - due
    if late <= LATEST:
        return None
    minutes = round(late.total_seconds() / 60)
    how = f"{minutes} min" if minutes < 120 else f"{round(minutes / 60)} h"
    return f"missed: the hub came to it {how} late, and missed times are not caught up"
