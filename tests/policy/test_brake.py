"""What a pulled brake holds, and what it lets through."""

from __future__ import annotations

import pytest

from agents.policy.brake import RELEASED, Brake, in_words
from agents.policy.clock import Moment, boot_id
from agents.policy.reconcile import Move

HERE = boot_id()
PULLED = Brake(Moment(HERE, 100.0), "the fleet brake")


def test_a_released_brake_holds_nothing() -> None:
    assert not any(RELEASED.holds(move, None) for move in Move)


def test_a_retry_is_held_whenever_its_agent_was_asked_to_run() -> None:
    assert PULLED.holds(Move.RETRY, Moment(HERE, 99.0))
    assert PULLED.holds(Move.RETRY, Moment(HERE, 101.0))


@pytest.mark.parametrize("move", [Move.STOP, Move.SETTLE, Move.NOTHING])
def test_what_ends_something_is_never_held(move: Move) -> None:
    assert not PULLED.holds(move, Moment(HERE, 99.0))


def test_a_start_is_held_if_it_was_asked_before_the_pull_and_done_if_after() -> None:
    assert PULLED.holds(Move.START, Moment(HERE, 99.9))
    assert PULLED.holds(Move.START, None)
    assert not PULLED.holds(Move.START, Moment(HERE, 100.1))


def test_a_start_asked_before_a_restart_of_the_machine_is_the_older_one() -> None:
    assert PULLED.holds(Move.START, Moment("an earlier boot", 500.0))


def test_a_start_asked_since_the_machine_was_restarted_is_the_younger_one() -> None:
    earlier = Brake(Moment("an earlier boot", 100.0))
    assert not earlier.holds(Move.START, Moment(HERE, 1.0))
    assert earlier.holds(Move.START, Moment("one before that", 1.0))
    assert earlier.holds(Move.START, Moment("an earlier boot", 99.0))


def test_a_brake_says_by_whom_and_why() -> None:
    told = in_words("bob", "they delete files")
    assert told == "the fleet brake, pulled by bob: they delete files"
