"""What was measured: one number of one contestant, and many of them together."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """`what` was measured, at which number of agents, of whom: `value` in `unit`.

    `samples`: of how many the value is the median; 0 where it is a single count.
    """

    what: str
    size: int
    who: str
    value: float
    unit: str
    samples: int = 0


def median(
    what: str, size: int, who: str, values: Sequence[float], unit: str
) -> Figure:
    """The median of some measurements."""
    return Figure(what, size, who, statistics.median(values), unit, len(values))


class Figures:
    """All figures of a run, in the order in which they were taken."""

    def __init__(self, figures: Iterable[Figure] = ()) -> None:
        self._all: dict[tuple[str, int, str], Figure] = {}
        for figure in figures:
            self.add(figure)

    def add(self, figure: Figure) -> None:
        """Keep it; a later one of the same takes its place."""
        self._all[figure.what, figure.size, figure.who] = figure

    def get(self, what: str, size: int, who: str) -> float | None:
        """A value, None where it was not measured."""
        figure = self._all.get((what, size, who))
        return None if figure is None else figure.value

    def whats(self) -> list[str]:
        """What has been measured."""
        return list(dict.fromkeys(what for what, _, _ in self._all))

    def of(self, what: str) -> list[Figure]:
        """Everything measured under this name."""
        return [figure for figure in self._all.values() if figure.what == what]
