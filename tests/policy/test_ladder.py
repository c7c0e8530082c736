"""The stop ladder and the names of signals."""

from __future__ import annotations

import signal

import pytest

from agents.policy.ladder import KILL_PATIENCE, Rung, parse_signal, rungs

KILL = Rung("kill", signal.SIGKILL, KILL_PATIENCE, whole_tree=True)


@pytest.mark.parametrize("name", ["TERM", "SIGTERM", "term", "SigTerm", "  TERM\n"])
def test_a_signal_is_known_by_either_of_its_names(name: str) -> None:
    assert parse_signal(name) is signal.SIGTERM


@pytest.mark.parametrize("name", ["", " ", "SIG", "15", "TERMINATE", "SIG_IGN", "T\0"])
def test_an_unknown_signal_is_refused_with_names_to_choose_from(name: str) -> None:
    with pytest.raises(ValueError, match="TERM, INT, HUP, QUIT or KILL"):
        parse_signal(name)


def test_the_polite_signal_comes_first_and_kill_ends_the_whole_tree() -> None:
    assert rungs("INT", 2.5) == (
        Rung("ask", signal.SIGINT, 2.5, whole_tree=False),
        KILL,
    )


def test_a_kill_leaves_the_polite_rung_out() -> None:
    assert rungs("TERM", 10, kill=True) == (KILL,)


@pytest.mark.parametrize("name", ["KILL", "sigkill"])
def test_who_is_stopped_by_kill_is_killed_once(name: str) -> None:
    assert rungs(name, 10) == (KILL,)


def test_no_grace_is_still_asked_first() -> None:
    ask, kill = rungs("TERM", 0)
    assert (ask.patience, kill) == (0, KILL)
