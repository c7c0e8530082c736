"""An agent's statuses and the only table of allowed changes between them.

Pure: the standard library only.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """What the hub knows an agent to be doing."""

    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    BACKOFF = "backoff"
    CRASHED = "crashed"
    UNKNOWN = "unknown"


class Desired(StrEnum):
    """What the last request wants an agent to be."""

    RUNNING = "running"
    STOPPED = "stopped"


class Action(StrEnum):
    """What a person or a program may ask for."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"
    KILL = "kill"

    @property
    def desired(self) -> Desired:
        """What the agent is wanted to be after this action."""
        wants_running = self in (Action.START, Action.RESTART)
        return Desired.RUNNING if wants_running else Desired.STOPPED


class Outcome(StrEnum):
    """What became of a request; empty while it is open."""

    OPEN = ""
    DONE = "done"
    FAILED = "failed"
    SUPERSEDED = "superseded"


# A process of the agent may be alive in these.
ALIVE: Final = frozenset(
    {Status.STARTING, Status.RUNNING, Status.STOPPING, Status.UNKNOWN}
)
# Nothing more happens in these until somebody asks or a process ends.
SETTLED: Final = frozenset({Status.STOPPED, Status.RUNNING, Status.CRASHED})
# A person should look at an agent in one of these.
NEEDS_A_PERSON: Final = frozenset({Status.CRASHED, Status.UNKNOWN})

_S = Status
ALLOWED: Final[dict[Status, frozenset[Status]]] = {
    # A pre-flight that fails never gets as far as starting.
    _S.STOPPED: frozenset({_S.STARTING, _S.CRASHED, _S.UNKNOWN}),
    _S.STARTING: frozenset(
        {_S.RUNNING, _S.STOPPING, _S.BACKOFF, _S.CRASHED, _S.STOPPED, _S.UNKNOWN}
    ),
    _S.RUNNING: frozenset(
        {_S.STARTING, _S.STOPPING, _S.BACKOFF, _S.CRASHED, _S.STOPPED, _S.UNKNOWN}
    ),
    _S.STOPPING: frozenset(
        {_S.STARTING, _S.BACKOFF, _S.CRASHED, _S.STOPPED, _S.UNKNOWN}
    ),
    _S.BACKOFF: frozenset({_S.STARTING, _S.STOPPED, _S.CRASHED, _S.UNKNOWN}),
    _S.CRASHED: frozenset({_S.STARTING, _S.STOPPED, _S.UNKNOWN}),
    _S.UNKNOWN: frozenset(set(_S) - {_S.UNKNOWN}),
}


class ImpossibleChange(ValueError):
    """A change of status that the table does not allow."""


def check_change(before: Status, after: Status) -> None:
    """Raise ImpossibleChange unless the table allows before -> after.

    Staying is always allowed: it is how the history takes a note, such as a
    counter reset or an adoption.
    """
    if before is not after and after not in ALLOWED[before]:
        raise ImpossibleChange(f"an agent cannot go from {before} to {after}")
