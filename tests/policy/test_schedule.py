"""Schedules as data, and times that have been missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agents.policy import schedule

DUE = datetime(2026, 11, 25, 6, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("names", "labels", "problem"),
    [
        (["web"], {}, None),
        ([], {"team": "search"}, None),
        ([], {}, "Name agents, or choose them by label."),
        (
            ["web"],
            {"team": "search"},
            "Choose agents by name or by label, not by both.",
        ),
    ],
)
def test_agents_are_chosen_in_one_way(
    names: list[str], labels: dict[str, str], problem: str | None
) -> None:
    assert schedule.choice_problem(names, labels) == problem


@pytest.mark.parametrize("names", ["web", [7], {"web": 1}])
def test_what_is_no_list_of_names_is_refused(names: Any) -> None:
    assert "a list of names" in (schedule.names_problem(names) or "")
    assert "a label" in (schedule.names_problem(["web"] * 1001) or "")


@pytest.mark.parametrize("late", [0, 1, 60])
def test_a_time_is_kept_for_a_minute(late: float) -> None:
    assert schedule.missed(DUE, DUE + timedelta(seconds=late)) is None


@pytest.mark.parametrize(
    ("late", "words"),
    [(61, "1 min late"), (45 * 60, "45 min late"), (26 * 3600, "26 h late")],
)
def test_a_missed_time_says_how_late_it_is(late: float, words: str) -> None:
    why = schedule.missed(DUE, DUE + timedelta(seconds=late))
    assert why is not None
    assert words in why
    assert why.endswith("missed times are not caught up")
