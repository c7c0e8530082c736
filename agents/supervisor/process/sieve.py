"""The sampler's sweep: what was seen to be nobody's is not read again each time.

On a machine of thousands of processes those of the agents are the few that are read.
Only for measuring; whoever signals processes sweeps in full.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Final

from agents.supervisor.process.census import DEAD, Process, look_at

# One sweep in so many reads all: a stranger's pid may have become another's meanwhile.
FULL_EVERY: Final = 6


class Sieve:
    """A sweep that is called again and again; `ours` are read by each call."""

    def __init__(self, look: Callable[[int], Process | None] = look_at) -> None:
        self._look = look
        self._seen: dict[int, Process] = {}
        self._ours: frozenset[int] = frozenset()
        self._calls = 0

    def ours(self, pids: Iterable[int]) -> None:
        """From now on these are read each time; new ones are in any case."""
        self._ours = frozenset(pids)

    def __call__(self) -> dict[int, Process]:
        """Every living process but the caller; strangers as they were once read."""
        full, own = self._calls % FULL_EVERY == 0, os.getpid()
        self._calls += 1
        found = {}
        for name in os.listdir("/proc"):
            if not name.isdecimal() or (pid := int(name)) == own:
                continue
            known = self._seen.get(pid)
            if known is None or full or pid in self._ours:
                known = self._look(pid)
            if known is not None and known.state not in DEAD:
                found[pid] = known
        self._seen = found
        return found
