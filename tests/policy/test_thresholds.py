"""From single results to what is said: thresholds, both ways, and a grace at first."""

from __future__ import annotations

import itertools

import pytest

from agents.policy.thresholds import ProbeState, Tally, take


def say(results: str, *, failures: int = 3, successes: int = 1) -> str:
    """The first letters of the states after each of these results.

    `+` passed, `-` failed, `.` failed within the grace.
    """
    tally, said = Tally(), ""
    for result in results:
        tally = take(
            tally,
            ok=result == "+",
            failures=failures,
            successes=successes,
            counts=result != ".",
        )
        said += tally.state.value[0]
    return said


@pytest.mark.parametrize(
    ("results", "failures", "successes", "said"),
    [
        ("+", 3, 1, "p"),
        ("+++", 3, 2, "wpp"),
        ("+-+-+-", 3, 1, "pppppp"),
        ("+---", 3, 1, "pppf"),
        ("---", 3, 1, "wwf"),
        ("-", 1, 1, "f"),
        ("+--+--", 3, 1, "pppppp"),
        ("+----+", 3, 1, "pppffp"),
        ("--++", 2, 2, "wffp"),
        ("--+-++", 2, 2, "wffffp"),
        ("......", 1, 1, "wwwwww"),
        ("..-", 1, 1, "wwf"),
        ("+.+", 1, 2, "www"),
        ("+...-", 2, 1, "ppppp"),
    ],
)
def test_only_results_in_a_row_change_what_is_said(
    results: str, failures: int, successes: int, said: str
) -> None:
    assert say(results, failures=failures, successes=successes) == said


@pytest.mark.parametrize(("failures", "successes"), [(1, 1), (2, 3), (3, 1)])
def test_of_all_short_histories_the_state_is_that_of_the_last_row_long_enough(
    failures: int, successes: int
) -> None:
    """Held against the definition, told another way, for every history of 8."""
    for history in itertools.product("+-", repeat=8):
        expected, rows = "w", itertools.groupby(history)
        for result, row in rows:
            length = len(list(row))
            if result == "+" and length >= successes:
                expected = "p"
            if result == "-" and length >= failures:
                expected = "f"
        told = say("".join(history), failures=failures, successes=successes)
        assert told[-1] == expected, history


def test_how_often_in_a_row_is_known() -> None:
    tally = Tally()
    for _ in range(5):
        tally = take(tally, ok=False, failures=3, successes=1)
    assert (tally.state, tally.failed, tally.passed) == (ProbeState.FAILING, 5, 0)
