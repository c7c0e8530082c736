"""How a program ended, in words."""

from __future__ import annotations

import pytest

from agents.policy.exits import describe, processes


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "exited with 0"),
        (1, "exited with 1"),
        (7, "exited with 7"),
        (126, "exited with 126 (found, but it could not be run)"),
        (127, "exited with 127 (a program it needs was not found)"),
        (128, "exited with 128"),
        (130, "ended by signal INT (exit code 130)"),
        (137, "ended by signal KILL (exit code 137)"),
        (139, "ended by signal SEGV (exit code 139)"),
        (143, "ended by signal TERM (exit code 143)"),
        (255, "exited with 255"),
        (None, "ended unseen, exit code unknown"),
    ],
)
def test_an_exit_code_is_said_in_words(code: int | None, words: str) -> None:
    assert describe(code) == words


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 processes"), (1, "1 process"), (3, "3 processes")]
)
def test_processes_are_counted_in_good_english(count: int, words: str) -> None:
    assert processes(count) == words
