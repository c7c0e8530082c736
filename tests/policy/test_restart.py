"""The restart policy: modes, back-off, the sliding window, the words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agents.policy.restart import (
    JITTER,
    Decision,
    Exit,
    Mode,
    RestartPolicy,
    Verdict,
    backoff,
    decide,
    within_window,
)

POLICY = RestartPolicy(
    mode=Mode.ON_FAILURE,
    max_restarts=5,
    window=600,
    backoff_initial=1,
    backoff_max=60,
    healthy_after=600,
)
CLEAN, FAILED = Exit(0, "exited with 0"), Exit(1, "exited with 1")
KILLED, UNSEEN = Exit(137, "ended by signal KILL"), Exit(None, "ended unseen")
# The middle of the jitter: no spread at all.
EVEN = 0.5


def after(
    ended: Exit,
    policy: RestartPolicy = POLICY,
    exits: tuple[float, ...] = (),
    restarts: int = 0,
    now: float = 1000.0,
) -> Decision:
    return decide(policy, exits, restarts, now, ended, EVEN)


@pytest.mark.parametrize(
    ("mode", "ended", "verdict"),
    [
        (Mode.NEVER, CLEAN, Verdict.COMPLETED),
        (Mode.NEVER, FAILED, Verdict.CRASHED),
        (Mode.NEVER, KILLED, Verdict.CRASHED),
        (Mode.NEVER, UNSEEN, Verdict.CRASHED),
        (Mode.ON_FAILURE, CLEAN, Verdict.COMPLETED),
        (Mode.ON_FAILURE, FAILED, Verdict.RESTART),
        (Mode.ON_FAILURE, KILLED, Verdict.RESTART),
        (Mode.ON_FAILURE, UNSEEN, Verdict.RESTART),
        (Mode.ALWAYS, CLEAN, Verdict.RESTART),
        (Mode.ALWAYS, FAILED, Verdict.RESTART),
        (Mode.ALWAYS, KILLED, Verdict.RESTART),
        (Mode.ALWAYS, UNSEEN, Verdict.RESTART),
    ],
)
def test_the_mode_decides_what_follows_an_exit(
    mode: Mode, ended: Exit, verdict: Verdict
) -> None:
    assert after(ended, replace(POLICY, mode=mode)).verdict is verdict


def test_a_clean_exit_completes_even_when_no_restart_is_left() -> None:
    spent = tuple(float(at) for at in range(995, 1000))
    assert after(CLEAN, exits=spent, restarts=5).verdict is Verdict.COMPLETED


# Back-off


@pytest.mark.parametrize(
    ("restarts", "seconds"),
    [(0, 1), (1, 2), (2, 4), (3, 8), (4, 16), (5, 32), (6, 60), (7, 60), (10**6, 60)],
)
def test_each_delay_is_twice_the_last_until_the_longest(
    restarts: int, seconds: float
) -> None:
    assert backoff(POLICY, restarts, EVEN) == seconds


@pytest.mark.parametrize("restarts", [0, 3, 6, 50])
def test_chance_spreads_a_delay_by_a_fifth_and_no_more(restarts: int) -> None:
    middle = backoff(POLICY, restarts, EVEN)
    assert backoff(POLICY, restarts, 0.0) == pytest.approx(middle * (1 - JITTER))
    assert backoff(POLICY, restarts, 1.0) == pytest.approx(middle * (1 + JITTER))
    spread = [backoff(POLICY, restarts, step / 100) for step in range(101)]
    assert spread == sorted(spread)
    assert pytest.approx(0.2) == JITTER


def test_without_a_first_back_off_a_restart_follows_at_once() -> None:
    decision = after(FAILED, replace(POLICY, backoff_initial=0), restarts=3)
    assert (decision.verdict, decision.delay) == (Verdict.RESTART, 0.0)
    assert decision.reason == "exited with 1; restart 1 of 5 at once"


def test_the_delay_follows_the_restarts_and_not_the_exits_in_the_window() -> None:
    """Earlier exits slide out of the window; the back-off does not begin anew."""
    assert after(FAILED, exits=(), restarts=4).delay == 16


# The window


def test_the_limit_is_reached_after_so_many_restarts() -> None:
    exits: tuple[float, ...] = ()
    verdicts = []
    for attempt in range(7):
        now = 1000.0 + attempt
        verdicts.append(after(FAILED, exits=exits, restarts=attempt, now=now).verdict)
        exits += (now,)
    assert verdicts == [Verdict.RESTART] * 5 + [Verdict.CRASHED] * 2


def test_a_slow_flapper_trips_the_limit_too() -> None:
    """It lives 100 s each time, far longer than any back-off, and is still caught."""
    exits: tuple[float, ...] = ()
    for attempt in range(5):
        now = 100.0 * attempt
        decision = after(FAILED, exits=exits, restarts=attempt, now=now)
        assert decision.verdict is Verdict.RESTART
        exits += (now,)
    decision = after(FAILED, exits=exits, restarts=5, now=500.0)
    assert decision.verdict is Verdict.CRASHED


def test_who_fails_less_often_than_the_limit_is_restarted_for_ever() -> None:
    exits: tuple[float, ...] = ()
    for attempt in range(200):
        now = 121.0 * attempt
        decision = after(FAILED, exits=exits, restarts=attempt, now=now)
        assert decision.verdict is Verdict.RESTART
        exits = (*within_window(POLICY, exits, now), now)


def test_an_exit_stops_counting_when_it_is_as_old_as_the_window() -> None:
    policy = replace(POLICY, max_restarts=1)
    assert after(FAILED, policy, (400.1,), 1, 1000.0).verdict is Verdict.CRASHED
    assert after(FAILED, policy, (400.0,), 1, 1000.0).verdict is Verdict.RESTART


def test_without_a_limit_there_is_always_a_restart() -> None:
    policy = replace(POLICY, max_restarts=None)
    exits = tuple(1000.0 - n / 1000 for n in range(500))
    decision = after(FAILED, policy, exits, restarts=500)
    assert (decision.verdict, decision.delay) == (Verdict.RESTART, 60)
    assert decision.reason == "exited with 1; restart 501 in 60.0 s"


def test_a_limit_of_none_at_all_crashes_at_once_and_says_so() -> None:
    decision = after(FAILED, replace(POLICY, max_restarts=0))
    assert decision == Decision(
        Verdict.CRASHED,
        0.0,
        "exited with 1; no automatic restart is allowed (max_restarts is 0)",
    )


def test_clean_exits_count_where_they_are_restarted() -> None:
    policy = replace(POLICY, mode=Mode.ALWAYS, max_restarts=2)
    assert after(CLEAN, policy, (998.0, 999.0), 2).verdict is Verdict.CRASHED


def test_nothing_remembered_is_a_fresh_budget() -> None:
    """As after a person's start, and after `healthy_after`."""
    decision = after(FAILED, exits=(), restarts=0)
    assert decision == Decision(
        Verdict.RESTART, 1.0, "exited with 1; restart 1 of 5 in 1.0 s"
    )


@pytest.mark.parametrize(
    ("limit", "kept"), [(None, 0), (0, 0), (1, 1), (3, 3), (5000, 1000)]
)
def test_no_more_exits_are_remembered_than_can_matter(
    limit: int | None, kept: int
) -> None:
    """A flapper without a limit would else be remembered at ever greater length."""
    exits = tuple(float(n) for n in range(1000))
    policy = replace(POLICY, max_restarts=limit, window=10_000)
    found = within_window(policy, exits, 1000.0)
    assert found == exits[len(exits) - kept :]


# The words


@pytest.mark.parametrize(
    ("policy", "ended", "exits", "reason"),
    [
        (POLICY, CLEAN, (), "completed: exited with 0"),
        (
            replace(POLICY, mode=Mode.NEVER),
            KILLED,
            (),
            "ended by signal KILL; automatic restart is off",
        ),
        (POLICY, FAILED, (990.0, 995.0), "exited with 1; restart 3 of 5 in 4.0 s"),
        (
            replace(POLICY, max_restarts=2),
            FAILED,
            (990.0, 995.0),
            "exited with 1; gave up after 2 restarts within 600 s",
        ),
        (
            replace(POLICY, max_restarts=1, window=2.5),
            FAILED,
            (999.0,),
            "exited with 1; gave up after 1 restart within 2.5 s",
        ),
    ],
)
def test_every_decision_has_its_reason_in_words(
    policy: RestartPolicy, ended: Exit, exits: tuple[float, ...], reason: str
) -> None:
    assert after(ended, policy, exits, restarts=len(exits)).reason == reason
