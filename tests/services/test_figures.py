"""How numbers, lengths of time and curves are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from agents.services.figures import (
    HEIGHT,
    NOTHING,
    POINTS,
    WIDTH,
    counted,
    money,
    percent,
    seconds,
    size,
    sparkline,
    stamp,
    tokens,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, NOTHING),
        (0.0, "0.0 %"),
        (9.94, "9.9 %"),
        (9.95, "10 %"),
        (412.4, "412 %"),
    ],
)
def test_shares(value: float | None, text: str) -> None:
    assert percent(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, NOTHING),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KB"),
        (10 * 1024, "10 KB"),
        (1023 * 1024, "1.0 MB"),
        (5 * 1024**3, "5.0 GB"),
        (7000 * 1024**4, "7000 TB"),
    ],
)
def test_sizes(value: int | None, text: str) -> None:
    assert size(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-3, "0 s"),
        (0, "0 s"),
        (0.25, "0.2 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (7200, "2 h"),
        (90_061, "1 d 1 h"),
    ],
)
def test_lengths_of_time(value: float, text: str) -> None:
    assert seconds(value) == text


def test_one_and_many() -> None:
    assert counted(1, "agent") == "1 agent"
    assert counted(0, "agent") == "0 agents"
    assert counted(2, "process", "processes") == "2 processes"


def test_a_time_is_told_in_utc_whatever_its_zone() -> None:
    there = timezone(timedelta(hours=2))
    moment = datetime(2026, 11, 24, 2, 0, 7, 120_000, tzinfo=there)
    told = stamp(moment)
    assert told.iso == "2026-11-24T00:00:07.120Z"
    assert told.text == "24 Nov 2026, 00:00:07 UTC"
    assert stamp(moment.astimezone(UTC)) == told


def test_a_curve_ends_at_the_right_edge_and_stays_in_its_box() -> None:
    found = sparkline([float(at % 17) for at in range(200)], floor=1.0)
    assert found is not None
    points = [point.split(",") for point in found.line[1:].split(" ")]
    assert len(points) == POINTS
    assert points[0][0] == "0.0"
    assert float(points[-1][0]) == WIDTH
    assert all(0 <= float(y) <= HEIGHT for _, y in points)
    assert found.peak == 16.0


def test_idle_noise_stays_at_the_bottom() -> None:
    found = sparkline([0.1, 0.3, 0.2], floor=100.0)
    assert found is not None
    assert all(float(p.split(",")[1]) > HEIGHT - 2 for p in found.line[1:].split(" "))


def test_one_value_is_no_curve() -> None:
    assert sparkline([1.0], floor=1.0) is None


@pytest.mark.parametrize(
    ("usd", "said"),
    [
        (None, "unknown"),
        ("0", "$0.00"),
        ("0.000000001", "under $0.0001"),
        ("0.00042", "$0.0004"),
        ("0.01", "$0.01"),
        ("0.0734", "$0.0734"),
        ("0.734", "$0.73"),
        ("1234.5", "$1,234.50"),
    ],
)
def test_money_is_said_to_the_cent_and_never_as_nothing_where_it_is_something(
    usd: str | None, said: str
) -> None:
    assert money(None if usd is None else Decimal(usd)) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "0"),
        (9_999, "9,999"),
        (10_000, "10.0 k"),
        (123_456, "123 k"),
        (999_600, "1.0 M"),
        (72_000_000, "72.0 M"),
        (5 * 10**9, "5.0 G"),
        (5 * 10**12, "5,000 G"),
    ],
)
def test_tokens_are_said_in_the_unit_that_fits(number: int, said: str) -> None:
    assert tokens(number) == said
