"""What follows an exit: restart now, restart later, completed or crashed.

Pure: times are seconds on a clock that does not jump, chance is passed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

JITTER: Final = 0.2


class Mode(StrEnum):
    """When an agent is restarted without anybody asking."""

    NEVER = "never"
    ON_FAILURE = "on_failure"
    ALWAYS = "always"


class Verdict(StrEnum):
    """What becomes of the agent."""

    RESTART = "restart"
    COMPLETED = "completed"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """The limits a person set; seconds. `max_restarts` None means no limit."""

    mode: Mode
    max_restarts: int | None
    window: float
    backoff_initial: float
    backoff_max: float
    healthy_after: float


@dataclass(frozen=True, slots=True)
class Exit:
    """How a run ended. `code` None: nobody could tell (it counts as failure)."""

    code: int | None
    what: str

    @property
    def failed(self) -> bool:
        """Everything but a clean 0."""
        return self.code != 0


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict, seconds to wait before a restart, and why, in words."""

    verdict: Verdict
    delay: float
    reason: str


def within_window(
    policy: RestartPolicy, exits: tuple[float, ...], now: float
) -> tuple[float, ...]:
    """The exits that still count: the latest ones that are younger than the window.

    Never more than the limit, and none without one: more would change nothing, and
    a flapper without a limit would be remembered at ever greater length.
    """
    if not policy.max_restarts:
        return ()
    latest = exits[-policy.max_restarts :]
    return tuple(at for at in latest if now - at < policy.window)


def backoff(policy: RestartPolicy, restarts: int, chance: float) -> float:
    """Seconds before the next restart, after `restarts` earlier ones.

    Doubles from the first to the longest; `chance` in [0, 1] spreads it by
    ±20 %, so that agents that died together do not return together.
    """
    doubled = policy.backoff_initial * 2.0 ** min(restarts, 64)
    spread = 1.0 + JITTER * (2.0 * chance - 1.0)
    return min(doubled, policy.backoff_max) * spread


def decide(
    policy: RestartPolicy,
    exits: tuple[float, ...],
    restarts: int,
    now: float,
    ended: Exit,
    chance: float,
) -> Decision:
    """What follows `ended`.

    `exits` are the times of earlier exits since the last commanded start,
    `restarts` the automatic restarts since then. How long the process had
    lived does not matter, so a slow flapper trips the limit too.
    """
    if not ended.failed and policy.mode is not Mode.ALWAYS:
        return Decision(Verdict.COMPLETED, 0.0, f"completed: {ended.what}")
    if policy.mode is Mode.NEVER:
        return Decision(Verdict.CRASHED, 0.0, f"{ended.what}; automatic restart is off")
    used = len(within_window(policy, exits, now))
    limit = policy.max_restarts
    if limit == 0:
        why = "no automatic restart is allowed (max_restarts is 0)"
        return Decision(Verdict.CRASHED, 0.0, f"{ended.what}; {why}")
    if limit is not None and used >= limit:
        return Decision(
            Verdict.CRASHED,
            0.0,
            f"{ended.what}; gave up after {_times(limit)} within {policy.window:g} s",
        )
    delay = backoff(policy, restarts, chance)
    which = f"{restarts + 1}" if limit is None else f"{used + 1} of {limit}"
    when = f"in {delay:.1f} s" if delay else "at once"
    return Decision(Verdict.RESTART, delay, f"{ended.what}; restart {which} {when}")


def _times(restarts: int) -> str:
    return "1 restart" if restarts == 1 else f"{restarts} restarts"
