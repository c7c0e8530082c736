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


def test_to_ask_needs_a_prompt_and_nothing_else() -> None:
    asked = {
        **schedule.OF_TASKS,
        "prompt": "Tidy up.",
        "paths": ["docs/**"],
        "timeout": 60.0,
    }
    assert schedule.task_problems(True, asked) == {}
    blank = schedule.task_problems(True, {**schedule.OF_TASKS, "prompt": " \n"})
    assert blank == {"prompt": "Say what is to be done: to ask needs a prompt."}
    for paths in ("docs", [7]):
        found = schedule.task_problems(True, asked | {"paths": paths})
        assert "a list of globs" in found["paths"]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("prompt", "Tidy up.", "Leave it empty, or choose the action “Ask”."),
        ("paths", ["docs/**"], "Leave it empty"),
        ("timeout", 60.0, "Leave it empty"),
        ("priority", 5, "Leave it at 0"),
        ("max_attempts", 1, "Leave it at 3"),
    ],
)
def test_what_a_task_needs_is_refused_where_none_is_made(
    name: str, value: Any, words: str
) -> None:
    assert schedule.task_problems(False, schedule.OF_TASKS) == {}
    found = schedule.task_problems(False, {**schedule.OF_TASKS, name: value})
    assert found.keys() == {name}
    assert words in found[name]


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
