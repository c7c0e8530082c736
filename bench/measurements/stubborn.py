"""Stop-all where one agent in ten ignores TERM and has to be killed after its grace."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from bench.agents import Agent
from bench.figures import Figure, median
from bench.fleet import Plan, Taken

GRACE: Final = 2.0
ROUNDS: Final = 2
WHAT: Final = f"stop-all, one in ten ignores TERM, {GRACE:g} s grace"


def measure(plan: Plan, who: str) -> Iterator[Figure]:
    """With the largest number of agents only."""
    size = max(plan.sizes)
    agents = [
        Agent(index, "deaf" if index % 10 == 9 else "wait", grace=GRACE)
        for index in range(size)
    ]
    taken: list[Taken] = []
    with plan.fleet(who, agents) as fleet:
        for left in reversed(range(1 if plan.brief else ROUNDS)):
            time.sleep(0.3)
            taken.append(fleet.stop_all())
            if left:
                fleet.start_all()
    yield median(WHAT, size, who, [one.seen for one in taken], "s")
    if recorded := [one.recorded for one in taken if one.recorded]:
        yield median(f"{WHAT}, recorded", size, who, recorded, "s")
