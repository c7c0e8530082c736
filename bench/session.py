"""Which measurements there are, and the running of those that were chosen."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from bench.agents import waiting
from bench.figures import Figure, Figures
from bench.fleet import Fleet, Plan
from bench.measurements import (
    crash,
    idle,
    kill9,
    locks,
    memory,
    output,
    start_stop,
    storm,
    stubborn,
    watched,
)

Quiet = Callable[[Fleet], Iterator[Figure]]
Alone = Callable[[Plan, str], Iterator[Figure]]
Together = Callable[[Plan], Iterator[Figure]]

# These are taken one after the other from a fleet of each size.
QUIET: Final[dict[str, Quiet]] = {
    "launch": start_stop.measure,
    "start-all": start_stop.measure,
    "stop-all": start_stop.measure,
    "crash": crash.measure,
    "memory": memory.measure,
}
# All contestants at once.
TOGETHER: Final[dict[str, Together]] = {"idle": idle.measure}
# One contestant after the other, each with a fleet that is made for this.
ALONE: Final[dict[str, Alone]] = {
    "stubborn": stubborn.measure,
    "output": output.measure,
    "storm": storm.measure,
    "kill9": kill9.measure,
    "watched": watched.measure,
    "locks": locks.measure,
}

NAMES: Final = (*QUIET, *TOGETHER, *ALONE)
SIZES: Final = (1, 100, 500)


@dataclass
class Session:
    """One run: what is measured of whom, what came out, and what could not be."""

    plan: Plan
    only: Sequence[str]
    tell: Callable[[str], None]
    figures: Figures = field(default_factory=Figures)
    failures: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Measure; what fails is told and left out, and the rest goes on."""
        quiet = list(dict.fromkeys(QUIET[name] for name in self.only if name in QUIET))
        # Memory is a matter of the empty supervisor too.
        empty = [0] if memory.measure in quiet else []
        for size in [*empty, *self.plan.sizes] if quiet else []:
            for who in self.plan.makers:
                chosen = quiet if size else [memory.measure]
                self._take(f"{who}, {size} agents", self._quiet(who, size, chosen))
        for name in self.only:
            if together := TOGETHER.get(name):
                self._take(name, together(self.plan))
            if alone := ALONE.get(name):
                for who in self.plan.makers:
                    self._take(f"{who}, {name}", alone(self.plan, who))

    def _quiet(self, who: str, size: int, chosen: Iterable[Quiet]) -> Iterator[Figure]:
        with self.plan.fleet(who, waiting(size)) as fleet:
            for measure in chosen:
                yield from measure(fleet)

    def _take(self, what: str, figures: Iterator[Figure]) -> None:
        self.tell(what)
        try:
            for figure in figures:
                self.figures.add(figure)
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            self.failures.append(f"{what}: {type(error).__name__}: {error}")
