"""What an agent needs next: the rule against every combination of facts."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from agents.policy.reconcile import Facts, Move, Wanted, next_move
from agents.policy.states import Action, Desired

GENERATION = 5

NOBODY = Facts(
    settled_generation=GENERATION,
    run_generation=None,
    answers=False,
    same_setup=False,
    stopping=False,
    retry_due=False,
)
ALIVE = replace(NOBODY, run_generation=GENERATION, same_setup=True)


def wanted(action: Action, generation: int = GENERATION) -> Wanted:
    return Wanted(action.desired, generation, action)


START, STOP = wanted(Action.START), wanted(Action.STOP)
RESTART, KILL = wanted(Action.RESTART), wanted(Action.KILL)


def every_case() -> list[tuple[Wanted, Facts]]:
    return [
        (
            wanted(action),
            Facts(
                settled_generation=settled,
                run_generation=run,
                answers=answers,
                same_setup=same,
                stopping=stopping and run is not None,
                retry_due=due,
            ),
        )
        for action, settled, run, answers, same, stopping, due in product(
            Action,
            (GENERATION - 1, GENERATION),
            (None, GENERATION - 1, GENERATION),
            (True, False),
            (True, False),
            (True, False),
            (True, False),
        )
    ]


def test_every_combination_follows_the_rules() -> None:
    """Each rule as a property, so that no combination is left to luck."""
    for want, facts in every_case():
        move = next_move(want, facts)
        unsettled = facts.settled_generation < want.generation
        alive = facts.run_generation is not None
        to_run = want.desired is Desired.RUNNING
        where = f"{want} {facts}"
        # A live run is never doubled, and nothing is stopped that is not there.
        assert not (alive and move in (Move.START, Move.RETRY)), where
        assert not (not alive and move is Move.STOP), where
        # Nothing is started that is not wanted, whatever is due.
        assert to_run or move not in (Move.START, Move.RETRY), where
        # Stop wins over everything that lives and is not being stopped already.
        if alive and not to_run and not facts.stopping:
            assert move is Move.STOP, where
        # What is settled is not touched: only a due retry or a wanted stop moves.
        if not unsettled and to_run:
            retry = not alive and facts.retry_due
            assert move is (Move.RETRY if retry else Move.NOTHING), where
        # A wish is settled only once, and an open one is never forgotten.
        if move is Move.SETTLE:
            assert unsettled and not facts.stopping, where
        if unsettled and not facts.stopping:
            assert move is not Move.NOTHING, where


@pytest.mark.parametrize("unsettled", [RESTART, START])
def test_a_new_wish_starts_what_does_not_run(unsettled: Wanted) -> None:
    assert next_move(unsettled, replace(NOBODY, settled_generation=4)) is Move.START


@pytest.mark.parametrize("retry_due", [True, False])
def test_a_new_wish_needs_no_retry_and_takes_the_place_of_one(retry_due: bool) -> None:
    facts = replace(NOBODY, settled_generation=4, retry_due=retry_due)
    assert next_move(START, facts) is Move.START


def test_a_settled_crash_stays_until_somebody_asks() -> None:
    assert next_move(START, NOBODY) is Move.NOTHING
    assert next_move(RESTART, NOBODY) is Move.NOTHING
    again = wanted(Action.START, GENERATION + 1)
    assert next_move(again, NOBODY) is Move.START


def test_a_due_retry_follows_by_itself() -> None:
    assert next_move(START, replace(NOBODY, retry_due=True)) is Move.RETRY


@pytest.mark.parametrize("stop", [STOP, KILL])
def test_a_stop_puts_an_end_to_retries(stop: Wanted) -> None:
    due = replace(NOBODY, retry_due=True)
    assert next_move(stop, due) is Move.NOTHING
    assert next_move(stop, replace(due, settled_generation=4)) is Move.SETTLE


@pytest.mark.parametrize("stop", [STOP, KILL])
@pytest.mark.parametrize("settled", [4, 5])
def test_stop_wins_over_a_live_run(stop: Wanted, settled: int) -> None:
    assert next_move(stop, replace(ALIVE, settled_generation=settled)) is Move.STOP


def test_a_start_of_what_runs_is_settled_as_it_is() -> None:
    older = replace(ALIVE, settled_generation=4, run_generation=3)
    assert next_move(START, older) is Move.SETTLE


# Restart


@pytest.mark.parametrize(
    ("answers", "same_setup", "move"),
    [
        (True, True, Move.SETTLE),
        (False, True, Move.STOP),
        (True, False, Move.STOP),
        (False, False, Move.STOP),
    ],
)
def test_a_restart_while_another_is_made_is_an_echo_only_of_the_same_set_up(
    answers: bool, same_setup: bool, move: Move
) -> None:
    facts = replace(
        ALIVE,
        settled_generation=4,
        run_generation=4,
        answers=answers,
        same_setup=same_setup,
    )
    assert next_move(RESTART, facts) is move


@pytest.mark.parametrize("same_setup", [True, False])
def test_the_run_that_a_restart_began_is_what_it_asked_for(same_setup: bool) -> None:
    facts = replace(
        ALIVE, settled_generation=4, run_generation=5, same_setup=same_setup
    )
    assert next_move(RESTART, facts) is Move.SETTLE


# While it is being stopped


@pytest.mark.parametrize("want", [START, STOP, RESTART])
@pytest.mark.parametrize("settled", [4, 5])
def test_a_stop_under_way_is_let_finish(want: Wanted, settled: int) -> None:
    facts = replace(ALIVE, stopping=True, settled_generation=settled)
    assert next_move(want, facts) is Move.NOTHING


def test_a_kill_hurries_a_polite_stop_once() -> None:
    facts = replace(ALIVE, stopping=True, settled_generation=4)
    assert next_move(KILL, facts) is Move.STOP
    assert next_move(KILL, replace(facts, settled_generation=5)) is Move.NOTHING
