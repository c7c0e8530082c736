"""What follows a failed request: which kinds are asked again, when, how often."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agents.policy.provider_retry import (
    JITTER,
    RETRIED,
    WORDS,
    Decision,
    ErrorKind,
    RetryPolicy,
    backoff,
    decide,
)

POLICY = RetryPolicy()
# No jitter: the delay is the middle of nothing, it is the whole.
WHOLE = 0.0


def after(
    kind: ErrorKind = ErrorKind.SERVER,
    failures: int = 1,
    policy: RetryPolicy = POLICY,
    *,
    retry_after: float | None = None,
    handed_on: bool = False,
    remaining: float = 3600.0,
    chance: float = WHOLE,
) -> Decision:
    return decide(
        policy,
        kind,
        failures,
        retry_after=retry_after,
        handed_on=handed_on,
        remaining=remaining,
        chance=chance,
    )


@pytest.mark.parametrize("kind", sorted(ErrorKind))
def test_only_what_may_pass_by_itself_is_asked_again(kind: ErrorKind) -> None:
    passes = {"rate_limit", "overloaded", "server", "connection", "timeout"}
    # Where the server itself parses what a model wrote, another try writes other words.
    assert after(kind).again is (kind in passes | {"invalid_arguments"})


def test_what_is_never_asked_again_needs_no_further_word() -> None:
    for kind in set(ErrorKind) - RETRIED:
        assert after(kind) == Decision(False)


def test_every_kind_has_words_for_people() -> None:
    assert set(WORDS) == set(ErrorKind)
    assert all(WORDS.values()) and len(set(WORDS.values())) == len(WORDS)


def test_each_delay_is_twice_the_last_until_the_longest() -> None:
    delays = [backoff(POLICY, failures, WHOLE) for failures in (1, 2, 3, 4, 5, 6, 7)]
    assert delays == [1, 2, 4, 8, 16, 30, 30]
    assert backoff(POLICY, 10**6, WHOLE) == 30


def test_chance_only_shortens_a_delay_and_only_lengthens_what_was_asked() -> None:
    assert backoff(POLICY, 3, 1.0) == pytest.approx(4 * (1 - JITTER))
    assert after(retry_after=10.0, chance=0.0).delay == 10.0
    assert after(retry_after=10.0, chance=1.0).delay == pytest.approx(10 * (1 + JITTER))


def test_who_asks_for_less_than_the_back_off_gets_the_back_off() -> None:
    assert after(failures=4, retry_after=0.1).delay == 8.0


def test_who_asks_for_too_long_is_not_asked_again() -> None:
    assert after(retry_after=60.0).again
    decision = after(retry_after=60.1)
    assert decision == Decision(
        False, reason="asked to wait 60.1 s, and 60 s is the longest wait"
    )


def test_it_is_enough_after_so_many_attempts() -> None:
    assert after(failures=4).again
    assert after(failures=5).reason == "gave up after 5 attempts"
    once = replace(POLICY, attempts=1)
    assert after(policy=once).reason == "gave up after 1 attempt"


def test_an_answer_begun_is_begun_anew_only_where_that_is_allowed() -> None:
    assert after(handed_on=True).again
    strict = replace(POLICY, restarts=False)
    assert after(policy=strict, handed_on=False).again
    assert not after(policy=strict, handed_on=True).again


def test_no_attempt_is_waited_for_that_would_come_too_late() -> None:
    assert after(failures=3, remaining=4.1).again
    late = after(failures=3, remaining=4.0)
    assert late == Decision(False, reason="no time is left for another attempt")
