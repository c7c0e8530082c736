"""From the KILL of one agent to the birth of the next one in its place."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator
from typing import Final

from bench import processes
from bench.figures import Figure, median
from bench.fleet import Fleet

MOST: Final = 50
BUDGET: Final = 5.0
PATIENCE: Final = 30.0


def measure(fleet: Fleet) -> Iterator[Figure]:
    """One crash at a time, of another agent each time, at no regular beat."""
    seconds, until = [], time.monotonic() + BUDGET
    agents = itertools.cycle(fleet.agents)
    chance = random.Random(1)
    for agent in itertools.islice(agents, 5 if fleet.brief else MOST):
        # No poll of anybody's shall fall into step with this.
        time.sleep(0.02 + 0.06 * chance.random())
        seconds.append(crash(fleet, agent.index))
        if time.monotonic() > until:
            break
    size, who = len(fleet.agents), fleet.contestant.name
    yield median("crash to restarted", size, who, [s * 1e3 for s in seconds], "ms")


def crash(fleet: Fleet, index: int, patience: float = PATIENCE) -> float:
    """Kill one agent; seconds until its successor was born, or TimeoutError."""
    pid = fleet.births.pids()[index]
    mark, start = fleet.births.mark(), time.monotonic()
    processes.kill(pid)
    return fleet.births.wait(mark, {index}, patience) - start
