"""KILL to the supervisor in the middle of restarts, and a new start: who is there?"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from typing import Final

from bench import processes
from bench.agents import waiting
from bench.figures import Figure
from bench.fleet import Fleet, Plan

SIZE: Final = 50
CRASHED: Final = 5
CYCLES: Final = 2
SETTLE: Final = 2.0
ADOPTED: Final = "kill -9: adopted"
DOUBLED: Final = "kill -9: doubled"
ORPHANED: Final = "kill -9: orphaned"


def measure(plan: Plan, who: str) -> Iterator[Figure]:
    """Some cycles, each from a fleet that is whole."""
    counts: Counter[str] = Counter()
    cycles = 1 if plan.brief else CYCLES
    for _ in range(cycles):
        with plan.fleet(who, waiting(SIZE)) as fleet:
            counts.update(_cycle(fleet))
    for what, count in counts.items():
        # Who was killed beforehand cannot be adopted.
        most = SIZE - CRASHED if what == ADOPTED else SIZE
        yield Figure(what, SIZE, who, count, f"of {cycles * most}")


def _cycle(fleet: Fleet) -> dict[str, int]:
    """By how the agents are after a new start.

    An agent is doubled if two of its programs live, orphaned if one of those lives
    that the supervisor does not know of, adopted if it is known and was not restarted.
    """
    before = dict(fleet.births.pids())
    for index in range(CRASHED):
        processes.kill(before[index])
    fleet.contestant.kill9()
    time.sleep(0.5)
    fleet.contestant.launch()
    fleet.contestant.connect()
    time.sleep(SETTLE)
    known = fleet.contestant.known()
    alive = [(i, pid) for i, pid in fleet.births.everybody() if processes.lives(pid)]
    # Of an agent behind a shim, the shim's pid is known: it leads the session.
    unknown = {i for i, pid in alive if not {pid, os.getsid(pid)} & known}
    programs = Counter(i for i, _ in alive)
    return {
        ADOPTED: sum(
            processes.lives(pid) and programs[i] == 1 and i not in unknown
            for i, pid in before.items()
        ),
        DOUBLED: sum(count > 1 for count in programs.values()),
        ORPHANED: len(unknown),
        "kill -9: missing": len(fleet.agents) - len(programs),
    }
