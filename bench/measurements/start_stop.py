"""Launch, start-all and stop-all: from the command to the last birth or death."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Final

from bench.figures import Figure, median
from bench.fleet import Fleet, Taken

# Single stops of 500 scatter by more than what lies between two contestants.
ROUNDS: Final = ((1, 9), (10_000, 7))


def measure(fleet: Fleet) -> Iterator[Figure]:
    """Stops and starts all of a fleet that runs; leaves it running."""
    size, who = len(fleet.agents), fleet.contestant.name
    yield Figure("launch to all alive", size, who, fleet.launched * 1e3, "ms", 1)
    rounds = next(rounds for most, rounds in ROUNDS if size <= most)
    if fleet.brief:
        rounds = 1
    starts: list[Taken] = []
    stops: list[Taken] = []
    chance = random.Random(1)
    for _ in range(rounds):
        # No poll of anybody's shall fall into step with this.
        time.sleep(0.1 + 0.1 * chance.random())
        stops.append(fleet.stop_all())
        time.sleep(0.1 + 0.1 * chance.random())
        starts.append(fleet.start_all())
    for what, taken in (("start-all", starts), ("stop-all", stops)):
        yield median(what, size, who, [one.seen * 1e3 for one in taken], "ms")
        if recorded := [one.recorded * 1e3 for one in taken if one.recorded]:
            yield median(f"{what}, recorded", size, who, recorded, "ms")
