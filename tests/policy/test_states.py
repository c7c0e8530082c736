"""The table of statuses: what may follow what, and what the sets mean."""

from __future__ import annotations

import pytest

from agents.policy.states import (
    ALIVE,
    ALLOWED,
    NEEDS_A_PERSON,
    SETTLED,
    Action,
    Desired,
    ImpossibleChange,
    Status,
    check_change,
)

# Said again by hand, so that no slip in the table goes unseen. Rows: from; columns: to.
MATRIX = """
           stopped starting running stopping backoff crashed unknown
stopped       =       x        -       -        -       x       x
starting      x       =        x       x        x       x       x
running       x       x        =       x        x       x       x
stopping      x       x        -       =        x       x       x
backoff       x       x        -       -        =       x       x
crashed       x       x        -       -        -       =       x
unknown       x       x        x       x        x       x       =
"""


def matrix() -> list[tuple[Status, Status, bool]]:
    header, *rows = [line.split() for line in MATRIX.strip().splitlines()]
    return [
        (Status(row[0]), Status(name), mark != "-")
        for row in rows
        for name, mark in zip(header, row[1:], strict=True)
    ]


def test_the_matrix_names_every_pair() -> None:
    assert len(matrix()) == len(Status) ** 2


@pytest.mark.parametrize(("before", "after", "allowed"), matrix())
def test_only_changes_of_the_table_are_allowed(
    before: Status, after: Status, allowed: bool
) -> None:
    if allowed:
        check_change(before, after)
        return
    with pytest.raises(ImpossibleChange, match=f"cannot go from {before} to {after}"):
        check_change(before, after)


def test_a_plain_text_is_as_good_as_a_status() -> None:
    assert Status("running") in ALIVE
    assert "running" in ALIVE


def test_the_table_knows_every_status_and_no_status_leads_to_itself() -> None:
    assert set(ALLOWED) == set(Status)
    assert [status for status in Status if status in ALLOWED[status]] == []


def test_every_status_can_be_left_and_reached() -> None:
    assert all(ALLOWED.values())
    assert set().union(*ALLOWED.values()) == set(Status)


def test_stopped_can_be_reached_from_everywhere() -> None:
    """Else a commanded stop could be impossible to write down."""
    for status in set(Status) - {Status.STOPPED}:
        check_change(status, Status.STOPPED)


def test_what_may_be_alive_has_nothing_that_is_known_to_be_dead() -> None:
    assert not ALIVE & {Status.STOPPED, Status.CRASHED, Status.BACKOFF}
    assert ALIVE | {Status.STOPPED, Status.CRASHED, Status.BACKOFF} == set(Status)


def test_what_needs_a_person_is_crashed_or_silent() -> None:
    assert {Status.CRASHED, Status.UNKNOWN} == NEEDS_A_PERSON


def test_nothing_on_its_way_is_settled() -> None:
    assert not SETTLED & {Status.STARTING, Status.STOPPING, Status.BACKOFF}


@pytest.mark.parametrize(
    ("action", "desired"),
    [
        (Action.START, Desired.RUNNING),
        (Action.RESTART, Desired.RUNNING),
        (Action.STOP, Desired.STOPPED),
        (Action.KILL, Desired.STOPPED),
    ],
)
def test_an_action_says_what_the_agent_is_wanted_to_be(
    action: Action, desired: Desired
) -> None:
    assert action.desired is desired
