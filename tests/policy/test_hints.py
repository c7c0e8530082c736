"""What somebody may have meant who wrote a word that is not known."""

from __future__ import annotations

import time

import pytest

from agents.policy.hints import did_you_mean

KNOWN = ["command", "cwd", "stop_grace", "stop_signal"]


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("comand", "Did you mean 'command'?"),
        ("COMMAND", "Did you mean 'command'?"),
        ("stop_", "Did you mean 'stop_grace' or 'stop_signal'?"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_the_closest_words_are_offered(word: str, sentence: str) -> None:
    assert did_you_mean(word, KNOWN) == sentence


def test_a_known_word_is_shown_as_it_is_written() -> None:
    assert did_you_mean("reviewr", ["Reviewer"]) == "Did you mean 'Reviewer'?"


def test_three_words_are_joined_in_good_english() -> None:
    assert did_you_mean("abc", ["abc1", "abc2", "abc3"]) == (
        "Did you mean 'abc3', 'abc2' or 'abc1'?"
    )


def test_a_page_of_text_is_not_compared_for_long() -> None:
    begun = time.monotonic()
    did_you_mean("x" * 1_000_000, KNOWN * 50)
    assert time.monotonic() - begun < 1
