"""What one agent needs next, from what is wanted and what is there.

Pure: one function from facts to a move, so that the rule can be read and tested.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agents.policy.clock import Moment
from agents.policy.states import Action, Desired


class Move(StrEnum):
    """The next thing to do for an agent."""

    NOTHING = "nothing"
    START = "start"
    RETRY = "retry"
    STOP = "stop"
    SETTLE = "settle"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The last request, as its row in the database says.

    `made`: when it was asked, which may be long before its row could be written.
    """

    desired: Desired
    generation: int
    action: Action
    made: Moment | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is there.

    `run_generation`: the request that the live run serves, None without one.
    `answers`: it began after the request was made, or by a restart whose outcome
    was open when the request was made.
    `same_setup`: it runs what the agent's set-up says now. `retry_due`: an
    automatic restart's delay is over.
    """

    settled_generation: int
    run_generation: int | None
    answers: bool
    same_setup: bool
    stopping: bool
    retry_due: bool


def next_move(wanted: Wanted, facts: Facts) -> Move:
    """Stop wins; a live run is never doubled; a settled crash stays one."""
    unsettled = wanted.generation > facts.settled_generation
    if facts.run_generation is None:
        if wanted.desired is Desired.RUNNING:
            if unsettled:
                return Move.START
            return Move.RETRY if facts.retry_due else Move.NOTHING
        return Move.SETTLE if unsettled else Move.NOTHING
    if facts.stopping:
        # A kill asked during a polite stop climbs the ladder at once.
        hurry = unsettled and wanted.action is Action.KILL
        return Move.STOP if hurry else Move.NOTHING
    if wanted.desired is Desired.STOPPED:
        return Move.STOP
    if not unsettled:
        return Move.NOTHING
    if wanted.action is Action.RESTART and not _served(wanted, facts):
        return Move.STOP
    return Move.SETTLE


def _served(wanted: Wanted, facts: Facts) -> bool:
    """Whether the live run already is what a restart asks for.

    A restart asks for a process that begins after it was asked. One that is asked
    while another is being made is the same wish, however late it comes out of the
    queue for the database; one asked after the other's outcome was known is new.
    """
    assert facts.run_generation is not None
    if facts.run_generation >= wanted.generation:
        return True
    return facts.answers and facts.same_setup
