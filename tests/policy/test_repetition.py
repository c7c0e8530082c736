"""Going round in circles: how often, and what is no circle."""

from __future__ import annotations

import pytest

from agents.policy.repetition import rounds


@pytest.mark.parametrize(
    ("turns", "count"),
    [
        ("a", 1),
        ("ab", 1),
        ("aa", 2),
        ("aaa", 3),
        ("abab", 2),
        ("xababab", 3),
        ("abcabcabc", 3),
        ("abcdabcd", 2),
        ("abcdeabcde", 1),  # Longer than anybody would call a circle.
        ("aab", 1),
        ("baaa", 3),
    ],
)
def test_equal_turns_on_end_are_rounds(turns: str, count: int) -> None:
    assert rounds(list(turns)) == count


def test_nothing_is_no_circle() -> None:
    assert rounds([]) == 1
