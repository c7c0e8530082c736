"""The stop ladder: which signal comes next, and how long to wait for it.

Pure: the manager climbs it and writes each rung down before it is taken.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from functools import cache
from typing import Final

# How long KILL may take before the agent is called unkillable; it is sent anew
# after each such wait, because a tree may still fork while it is being killed.
KILL_PATIENCE: Final = 5.0


@dataclass(frozen=True, slots=True)
class Rung:
    """One step: the signal and the seconds it has to work."""

    name: str
    signal: signal.Signals
    patience: float
    whole_tree: bool


def parse_signal(name: str) -> signal.Signals:
    """ "TERM" and "SIGTERM" alike; ValueError says which names there are."""
    full = name.strip().upper()
    full = full if full.startswith("SIG") else f"SIG{full}"
    try:
        return signal.Signals[full]
    except KeyError:
        raise ValueError(
            f"{name!r} is not a signal of this system. "
            "Use a name such as TERM, INT, HUP, QUIT or KILL."
        ) from None


@cache
def rungs(stop_signal: str, grace: float, *, kill: bool = False) -> tuple[Rung, ...]:
    """The ladder, from polite to final; `kill` leaves out the polite rung."""
    last = Rung("kill", signal.SIGKILL, KILL_PATIENCE, whole_tree=True)
    polite = parse_signal(stop_signal)
    if kill or polite is signal.SIGKILL:
        return (last,)
    return (Rung("ask", polite, grace, whole_tree=False), last)
