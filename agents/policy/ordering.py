"""Whether an agent's turn to start or to stop has come, from what is seen of others.

Pure: facts in, a verdict and its words out. An agent that waits has no process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from agents.policy.dependencies import Condition, Dependency, listed
from agents.policy.states import Desired, Status

# How a status is known when the program itself has ended (`StatusChange.source`).
SEEN_EXITS: Final = frozenset({"exit status", "exit file"})
# The same for one that waits, or may not start because it can wait no longer.
WAITING: Final = "dependency"
_DOWN: Final = frozenset({Status.STOPPED, Status.CRASHED})


@dataclass(frozen=True, slots=True)
class Other:
    """What is seen of an agent that another one depends on.

    `settled`: the outcome of the last request is known. `proved`: and it has lived
    long enough to be called running.
    """

    name: str
    desired: Desired
    settled: bool
    proved: bool
    healthy: bool
    status: Status
    reason: str
    source: str

    @property
    def completed(self) -> bool:
        """Its latest run has ended with 0 since it was last asked to start."""
        return (
            self.settled
            and self.desired is Desired.RUNNING
            and self.status is Status.STOPPED
            and self.source in SEEN_EXITS
        )

    @property
    def on_its_way(self) -> bool:
        """It runs, or will without anybody asking again."""
        return self.desired is Desired.RUNNING and not (
            self.settled and self.status in _DOWN
        )

    @property
    def down(self) -> bool:
        """Whoever needs it at work has lost it."""
        return self.status in _DOWN and self.settled and not self.completed


class Verdict(StrEnum):
    """What becomes of an agent that was asked to start."""

    START = "start"
    WAIT = "wait"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict, and why in words; START needs none."""

    verdict: Verdict
    reason: str = ""


def may_start(
    dependencies: Iterable[Dependency], find: Callable[[str], Other | None]
) -> Decision:
    """Whether everything that an agent depends on is as it has to be.

    One that can no longer come to be so without a person refuses the start.
    """
    waits = []
    for one in dependencies:
        other = find(one.agent)
        if other is None:
            return Decision(Verdict.REFUSE, f"not started: there is no {one.agent}")
        decision = _judge(one.condition, other)
        if decision.verdict is Verdict.REFUSE:
            return decision
        if decision.verdict is Verdict.WAIT:
            waits.append(decision.reason)
    if waits:
        return Decision(Verdict.WAIT, f"waits for {listed(waits)}")
    return Decision(Verdict.START)


def _judge(condition: Condition, other: Other) -> Decision:
    if _holds(condition, other):
        return Decision(Verdict.START)
    if not other.on_its_way:
        return Decision(Verdict.REFUSE, f"not started: {_why_not(condition, other)}")
    state = {
        Condition.STARTED: "be started",
        Condition.HEALTHY: "be healthy",
        Condition.COMPLETED: "complete",
    }[condition]
    return Decision(Verdict.WAIT, f"{other.name} to {state} ({_is(other)})")


def _holds(condition: Condition, other: Other) -> bool:
    if condition is Condition.COMPLETED:
        return other.completed
    runs = other.settled and other.status is Status.RUNNING and other.proved
    if condition is Condition.HEALTHY:
        return runs and other.healthy
    # It was started, and what it had to do is done.
    return runs or other.completed


def _is(other: Other) -> str:
    """In few words, so that the history of who waits is short."""
    if other.settled and other.status is Status.RUNNING:
        if not other.proved:
            return f"{other.name} is starting"
        if not other.healthy:
            return f"{other.name} is running, not yet healthy"
    if not other.settled and other.status in _DOWN:
        waits = other.source == WAITING
        return f"{other.name} {'waits itself' if waits else 'is starting'}"
    return f"{other.name} is {other.status}"


def _why_not(condition: Condition, other: Other) -> str:
    if other.desired is Desired.STOPPED:
        return f"{other.name} was stopped: {other.reason}"
    if other.completed and condition is Condition.HEALTHY:
        return f"{other.name} has completed and will not be healthy"
    if other.status is Status.CRASHED:
        return f"{other.name} has crashed: {other.reason}"
    return f"{other.name} is {other.status}: {other.reason}"


def stop_waits_for(enders: Sequence[str]) -> str:
    """Why a stop has not begun: these, which need the agent, end first."""
    return f"waits for {listed(sorted(enders))} to end first"


def down_reason(others: Sequence[Other]) -> str:
    """What a running agent has lost; empty where nothing."""
    lost = [f"{one.name} is {one.status}" for one in others if one.down]
    return f"it depends on others that are down: {listed(lost)}" if lost else ""
