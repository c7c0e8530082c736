"""From single results of a probe to what is said of it: thresholds, both ways.

Pure: results in, a state out. One bad answer is no illness, one good one no cure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ProbeState(StrEnum):
    """What is said of a probe; `waiting` until its first threshold is reached."""

    WAITING = "waiting"
    PASSING = "passing"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class Result:
    """One answer of a probe, in words."""

    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Tally:
    """The state, and how many results in a row speak for the other one."""

    state: ProbeState = ProbeState.WAITING
    passed: int = 0
    failed: int = 0


def take(
    tally: Tally, *, ok: bool, failures: int, successes: int, counts: bool = True
) -> Tally:
    """The tally after one more result.

    `counts`: whether a failure counts; in an agent's first seconds it does not,
    but it still interrupts a row of successes.
    """
    if ok:
        passed = tally.passed + 1
        state = ProbeState.PASSING if passed >= successes else tally.state
        return Tally(state, passed=passed)
    failed = tally.failed + counts
    state = ProbeState.FAILING if failed >= failures else tally.state
    return Tally(state, failed=failed)
