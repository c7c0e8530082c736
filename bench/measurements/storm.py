"""A hundred agents that exit at once and are restarted for ever: who still answers?"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from bench.agents import Agent
from bench.figures import Figure, median
from bench.fleet import Plan
from bench.measurements.crash import crash

FAILING: Final = 100
SECONDS: Final = 10.0
WARM_UP: Final = 2.0


def measure(plan: Plan) -> Iterator[Figure]:
    """Every door in turn, and a healthy neighbour that is killed in between."""
    failing = 10 if plan.brief else FAILING
    agents = [Agent(index, "fail") for index in range(failing)]
    neighbour = Agent(failing)
    for who in plan.makers:
        seconds: dict[str, list[float]] = defaultdict(list)
        with plan.fleet(who, [neighbour, *agents]) as fleet:
            time.sleep(WARM_UP)
            mark, start = fleet.births.mark(), time.monotonic()
            until = start + (1.0 if plan.brief else SECONDS)
            while time.monotonic() < until:
                for door, knock in fleet.contestant.doors().items():
                    asked = time.monotonic()
                    knock()
                    seconds[door].append(time.monotonic() - asked)
                    time.sleep(0.05)
                seconds["a healthy neighbour's restart"].append(
                    crash(fleet, neighbour.index)
                )
            passed = time.monotonic() - start
            born = len(fleet.births.since(mark))
        for what, values in seconds.items():
            milliseconds = [value * 1e3 for value in values]
            yield median(f"storm: {what}", failing, who, milliseconds, "ms")
        yield Figure("storm: restarts", failing, who, born / passed, "per second")
