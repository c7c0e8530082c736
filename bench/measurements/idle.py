"""The CPU that supervision of agents that do nothing costs, all contestants at once.

They idle side by side: it is their own CPU clocks that are read, so one does not
disturb the other, and the wait is one for all.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Final

from bench import processes
from bench.agents import waiting
from bench.figures import Figure
from bench.fleet import Plan

SETTLE: Final = 4.0
SECONDS: Final = 20.0


def measure(plan: Plan) -> Iterator[Figure]:
    """Percent of a core of the supervisor and its shims."""
    for size in [0, *(size for size in plan.sizes if size > 1)]:
        with contextlib.ExitStack() as stack:
            fleets = [
                stack.enter_context(plan.fleet(who, waiting(size)))
                for who in plan.makers
            ]
            time.sleep(SETTLE)
            own = [fleet.own_processes() for fleet in fleets]
            before = [processes.cpu_seconds(pids) for pids in own]
            start = time.monotonic()
            time.sleep(1.0 if plan.brief else SECONDS)
            passed = time.monotonic() - start
            used = [processes.cpu_seconds(pids) for pids in own]
        for fleet, first, last in zip(fleets, before, used, strict=True):
            percent = 100 * (last - first) / passed
            who = fleet.contestant.name
            yield Figure("idle CPU", size, who, percent, "% of a core", 1)
