"""Cron expressions: what is wrong with one, and when it comes round."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agents.services import cron

WEDNESDAY = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "* * * * *",
        "30 6 * * mon-fri",
        "*/5 0-6,22 1 jan,JUL *",
        "0 0 L * *",
        "0 0 29 2 *",
    ],
)
def test_what_cron_understands_is_taken(text: str) -> None:
    assert cron.problem(text) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "There are 0."),
        ("30 6 * *", "Give five parts: minute, hour,"),
        ("@daily", "There are 1."),
        ("60 6 * * *", "'60' cannot stand for the minute."),
        ("0 24 * * *", "'24' cannot stand for the hour."),
        ("0 0 32 * *", "'32' cannot stand for the day of the month."),
        ("0 0 * 13 *", "'13' cannot stand for the month."),
        ("0 0 * * mo", "'mo' cannot stand for the day of the week."),
        ("*/0 * * * *", "'*/0' cannot stand for the minute."),
        ("R * * * *", "'R' cannot stand for the minute."),
        ("0 0 30 2 *", "There is no such day in any year."),
    ],
)
def test_what_is_wrong_is_said_part_by_part(text: str, problem: str) -> None:
    assert problem in (cron.problem(text) or "")


def test_the_next_times_are_told_in_utc() -> None:
    assert cron.upcoming("30 6 * * mon-fri", 3, WEDNESDAY) == [
        datetime(2026, 11, 26, 6, 30, tzinfo=UTC),
        datetime(2026, 11, 27, 6, 30, tzinfo=UTC),
        datetime(2026, 11, 30, 6, 30, tzinfo=UTC),
    ]
