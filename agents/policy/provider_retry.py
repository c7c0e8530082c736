"""What follows a failed request to a provider of models: ask again, when, or not.

Pure: seconds and chance are passed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# A delay is shortened by up to this part of it, a Retry-After lengthened by up to it:
# agents that were refused together do not come back together, and none too early.
JITTER: Final = 0.25


class ErrorKind(StrEnum):
    """Why a request, or a tool call within it, failed."""

    RATE_LIMIT = "rate_limit"
    OVERLOADED = "overloaded"
    SERVER = "server"
    CONNECTION = "connection"
    TIMEOUT = "timeout"
    DEADLINE = "deadline"
    AUTH = "auth"
    PERMISSION = "permission"
    QUOTA = "quota"
    NOT_FOUND = "not_found"
    BAD_REQUEST = "bad_request"
    CONTEXT_OVERFLOW = "context_overflow"
    REFUSAL = "refusal"
    INVALID_ARGUMENTS = "invalid_arguments"
    INTERNAL = "internal"


# INVALID_ARGUMENTS ends a request only where the server itself parses what the model
# wrote; asked again, the model writes something else.
RETRIED: Final = frozenset(
    {
        ErrorKind.RATE_LIMIT,
        ErrorKind.OVERLOADED,
        ErrorKind.SERVER,
        ErrorKind.CONNECTION,
        ErrorKind.TIMEOUT,
        ErrorKind.INVALID_ARGUMENTS,
    }
)

WORDS: Final = {
    ErrorKind.RATE_LIMIT: "too many requests",
    ErrorKind.OVERLOADED: "the provider is overloaded",
    ErrorKind.SERVER: "the provider failed",
    ErrorKind.CONNECTION: "the connection failed",
    ErrorKind.TIMEOUT: "the provider fell silent",
    ErrorKind.DEADLINE: "the time allowed is over",
    ErrorKind.AUTH: "the key was refused",
    ErrorKind.PERMISSION: "the key may not do this",
    ErrorKind.QUOTA: "the account has no balance or quota left",
    ErrorKind.NOT_FOUND: "no such model or address",
    ErrorKind.BAD_REQUEST: "the request was refused",
    ErrorKind.CONTEXT_OVERFLOW: "the conversation is too long for the model",
    ErrorKind.REFUSAL: "the model refused to answer",
    ErrorKind.INVALID_ARGUMENTS: "the model wrote invalid tool arguments",
    ErrorKind.INTERNAL: "the answer could not be read",
}


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient to be; seconds.

    `longest_retry_after`: who asks for more than this is not asked again, and the
    caller learns when it may be. `restarts` allows to begin anew after a part of the
    answer was handed on already.
    """

    attempts: int = 5
    first_delay: float = 1.0
    longest_delay: float = 30.0
    longest_retry_after: float = 60.0
    restarts: bool = True


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to ask again, after how many seconds; and if not, why, in words.

    No words: an error of this kind is never asked again.
    """

    again: bool
    delay: float = 0.0
    reason: str = ""


def backoff(policy: RetryPolicy, failures: int, chance: float) -> float:
    """Seconds after so many failures: doubled each time; `chance` in [0, 1]."""
    doubled = policy.first_delay * 2.0 ** min(failures - 1, 64)
    return min(doubled, policy.longest_delay) * (1.0 - JITTER * chance)


def decide(
    policy: RetryPolicy,
    kind: ErrorKind,
    failures: int,
    *,
    retry_after: float | None,
    handed_on: bool,
    remaining: float,
    chance: float,
) -> Decision:
    """What follows the failure number `failures`, which had this `kind`.

    `retry_after` is what the provider asked for, `remaining` how long the whole may
    still take (both seconds).
    """
    if kind not in RETRIED:
        return Decision(False)
    if handed_on and not policy.restarts:
        return Decision(False, reason="a part of the answer was handed on already")
    if failures >= policy.attempts:
        tries = "1 attempt" if failures == 1 else f"{failures} attempts"
        return Decision(False, reason=f"gave up after {tries}")
    delay = backoff(policy, failures, chance)
    if retry_after is not None:
        if retry_after > policy.longest_retry_after:
            limit = f"{policy.longest_retry_after:g} s"
            asked = f"asked to wait {retry_after:g} s"
            return Decision(False, reason=f"{asked}, and {limit} is the longest wait")
        delay = max(delay, retry_after * (1.0 + JITTER * chance))
    if delay >= remaining:
        return Decision(False, reason="no time is left for another attempt")
    return Decision(True, delay)
