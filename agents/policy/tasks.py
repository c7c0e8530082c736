"""A task's states, the only table of changes between them, and what a failure means.

Pure: the standard library only.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from agents.policy.provider_retry import ErrorKind


class TaskState(StrEnum):
    """Where a piece of work is."""

    QUEUED = "queued"
    WAITING_FOR_LOCK = "waiting_for_lock"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    INTERRUPTED = "interrupted"


# Nothing more happens to a task in these unless a person asks.
FINISHED: Final = frozenset(
    {
        TaskState.SUCCEEDED,
        TaskState.FAILED,
        TaskState.CANCELLED,
        TaskState.TIMED_OUT,
        TaskState.INTERRUPTED,
    }
)
OPEN: Final = frozenset(TaskState) - FINISHED

ALLOWED: Final = {
    TaskState.QUEUED: frozenset(
        {TaskState.RUNNING, TaskState.WAITING_FOR_LOCK, *FINISHED}
        - {TaskState.SUCCEEDED}
    ),
    TaskState.WAITING_FOR_LOCK: frozenset(
        {TaskState.QUEUED, TaskState.RUNNING, *FINISHED} - {TaskState.SUCCEEDED}
    ),
    TaskState.RUNNING: frozenset({TaskState.QUEUED, *FINISHED}),
    TaskState.INTERRUPTED: frozenset({TaskState.QUEUED}),
}

# Asked again later, these may well go well: a new attempt of the whole task.
WORTH_ANOTHER_ATTEMPT: Final = frozenset(
    {
        ErrorKind.RATE_LIMIT,
        ErrorKind.OVERLOADED,
        ErrorKind.SERVER,
        ErrorKind.CONNECTION,
        ErrorKind.TIMEOUT,
        ErrorKind.INTERNAL,
    }
)
# The agent itself cannot work like this, whatever the task.
ENDS_THE_AGENT: Final = frozenset({ErrorKind.AUTH})

FIRST_DELAY: Final = 15.0
LONGEST_DELAY: Final = 900.0
# Whoever says to come back later than this has said never (30 days).
LONGEST_RETRY_AFTER: Final = 30 * 86_400.0


def may_change(before: TaskState, after: TaskState) -> bool:
    """Whether a task goes from one state to the other."""
    return after in ALLOWED.get(before, frozenset())


def next_attempt_in(
    kind: ErrorKind, attempts: int, max_attempts: int, retry_after: float | None
) -> float | None:
    """Seconds until another attempt of the task, None for never.

    `attempts`: how many have failed. The provider's own `retry_after` (seconds) is
    waited out, up to 30 days: a task can wait where a request cannot.
    """
    if attempts >= max_attempts or kind not in WORTH_ANOTHER_ATTEMPT:
        return None
    if retry_after is not None and retry_after > LONGEST_RETRY_AFTER:
        return None
    delay = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** (attempts - 1))
    return max(delay, retry_after or 0.0)
