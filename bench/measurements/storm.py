"""A hundred agents that exit at once and are restarted for ever: who still answers?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from bench.agents import Agent
from bench.contestants.contestant import AT_THE_DOOR
from bench.figures import Figure, median
from bench.fleet import Plan
from bench.measurements.crash import crash

FAILING: Final = 100
SECONDS: Final = 10.0
WARM_UP: Final = 1.0
PAUSE: Final = 0.05
NEIGHBOUR: Final = "a healthy neighbour's restart"


def measure(plan: Plan, who: str) -> Iterator[Figure]:
    """Every door in turn, and a healthy neighbour that is killed in between."""
    failing = 10 if plan.brief else FAILING
    agents = [Agent(index, "fail") for index in range(failing)]
    neighbour = Agent(failing)
    with plan.fleet(who, [neighbour, *agents]) as fleet:
        time.sleep(WARM_UP)
        mark, start = fleet.births.mark(), time.monotonic()
        visits = dict(fleet.contestant.doors())
        visits[NEIGHBOUR] = lambda: crash(fleet, neighbour.index, AT_THE_DOOR)
        seconds = _take_turns(visits, 1.0 if plan.brief else SECONDS)
        passed = time.monotonic() - start
        born = len(fleet.births.since(mark))
    for what, values in seconds.items():
        milliseconds = [value * 1e3 for value in values]
        yield median(f"storm: {what}", failing, who, milliseconds, "ms")
    yield Figure("storm: restarts", failing, who, born / passed, "per second")


def _take_turns(
    visits: Mapping[str, Callable[[], object]], seconds: float
) -> dict[str, list[float]]:
    """How long each took, each time; who is not answered in time goes no more."""
    taken: dict[str, list[float]] = {what: [] for what in visits}
    unanswered: set[str] = set()
    until = time.monotonic() + seconds
    while time.monotonic() < until and unanswered < visits.keys():
        for what in [what for what in visits if what not in unanswered]:
            asked = time.monotonic()
            try:
                visits[what]()
            except TimeoutError:
                unanswered.add(what)
            taken[what].append(time.monotonic() - asked)
            time.sleep(PAUSE)
    return taken
