"""Signs of life: three clocks, kept apart, any one of which says that a run lives.

Output (bytes), progress (CPU time of the tree) and heartbeat. That the process is
there is no sign: a wedged one is there too. Pure; seconds on the boot clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from agents.policy.thresholds import Result

# A share of one core: idle runtimes tick below it, work of any kind is above.
WORKING: Final = 0.01


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a run found. `beat`: the heartbeat file's time in ns."""

    at: float
    cpu_seconds: float
    output_bytes: int
    beat: int | None = None


@dataclass(frozen=True, slots=True)
class Signs:
    """When each clock of one run last moved; None: not since `since`.

    `since` is the run's beginning, or when this hub adopted it. `after`: a
    heartbeat file older than that (ns) was touched by an earlier run.
    """

    since: float
    after: int = 0
    adopted: bool = False
    output: float | None = None
    progress: float | None = None
    heartbeat: float | None = None
    last: Look | None = None

    def take(self, look: Look) -> Signs:
        """The signs after one more look."""
        before = self.last
        if before is None and not self.adopted:
            before = Look(self.since, 0.0, 0, self.after)
        if before is None:
            return replace(self, last=look)
        moved = replace(self, last=look)
        if look.output_bytes != before.output_bytes:
            moved = replace(moved, output=look.at)
        seconds = max(look.at - before.at, 0.001)
        if look.cpu_seconds - before.cpu_seconds >= WORKING * seconds:
            moved = replace(moved, progress=look.at)
        if look.beat is not None and look.beat > (before.beat or 0):
            moved = replace(moved, heartbeat=look.at)
        return moved

    def cpu_percent(self, look: Look) -> float:
        """The share of one core used between the last look and this one.

        A process that ended took its time along: never below zero.
        """
        if self.last is None:
            return 0.0
        seconds = max(look.at - self.last.at, 0.001)
        return max(0.0, (look.cpu_seconds - self.last.cpu_seconds) / seconds * 100)


def silence(signs: Signs, seconds: float) -> Result | None:
    """Whether none of the clocks moved for so long, by the evidence of the last look.

    None before the first look, and of an adopted run until something is known. Nothing
    that happened since the last look is held against it.
    """
    if signs.last is None:
        return None
    moved = {
        "output": signs.output,
        "CPU time": signs.progress,
        "heartbeat": signs.heartbeat,
    }
    what, at = max(
        ((name, at) for name, at in moved.items() if at is not None),
        key=lambda one: one[1],
        default=("its start", signs.since),
    )
    quiet = signs.last.at - at
    if quiet >= seconds:
        return Result(False, f"no output, CPU time or heartbeat for {quiet:.0f} s")
    if signs.adopted and at == signs.since:
        return None
    return Result(True, f"last sign of life: {what}, {max(0.0, quiet):.0f} s ago")


def heartbeat(signs: Signs, seconds: float) -> Result | None:
    """Whether the heartbeat is overdue; None while the first one may still come."""
    if signs.heartbeat is None:
        if signs.last is None or signs.last.at - signs.since < seconds:
            return None
        return Result(False, f"no heartbeat within {seconds:g} s")
    quiet = 0.0 if signs.last is None else max(0.0, signs.last.at - signs.heartbeat)
    if quiet >= seconds:
        return Result(False, f"no heartbeat for {quiet:.0f} s")
    return Result(True, f"last heartbeat {quiet:.0f} s ago")
