"""Signs of life: any clock that moves is one, and nothing fires without evidence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agents.policy.liveness import Look, Signs, heartbeat, silence

START = 1000.0


def looks(*found: Look, signs: Signs | None = None) -> Signs:
    signs = signs or Signs(START, after=500)
    for look in found:
        signs = signs.take(look)
    return signs


def idle(at: float) -> Look:
    return Look(at, cpu_seconds=1.0, output_bytes=10, beat=600)


# What moves which clock


def test_each_clock_moves_alone() -> None:
    begun = looks(idle(1001))
    for change, moved in (
        ({"output_bytes": 11}, "output"),
        ({"cpu_seconds": 2.0}, "progress"),
        ({"beat": 700}, "heartbeat"),
    ):
        after = begun.take(replace(idle(1010), **change))
        for clock in ("output", "progress", "heartbeat"):
            expected = 1010 if clock == moved else getattr(begun, clock)
            assert getattr(after, clock) == expected, (clock, moved)


def test_what_was_before_the_first_look_belongs_to_the_run() -> None:
    signs = looks(idle(1005))
    assert (signs.output, signs.progress, signs.heartbeat) == (1005, 1005, 1005)


def test_a_heartbeat_file_of_an_earlier_run_is_no_heartbeat() -> None:
    signs = looks(Look(1005, 0.0, 0, beat=500))
    assert (signs.output, signs.progress, signs.heartbeat) == (None, None, None)


def test_what_an_adopted_run_did_before_is_only_where_looking_begins() -> None:
    signs = looks(idle(1005), signs=Signs(START, adopted=True))
    assert (signs.output, signs.progress, signs.heartbeat) == (None, None, None)
    assert signs.take(replace(idle(1010), output_bytes=12)).output == 1010


def test_an_idle_runtime_ticks_and_does_not_work() -> None:
    begun = looks(idle(1001))
    ticking = begun.take(replace(idle(1011), cpu_seconds=1.05))
    assert ticking.progress == begun.progress
    working = begun.take(replace(idle(1011), cpu_seconds=1.2))
    assert working.progress == 1011


def test_a_child_that_ends_takes_its_time_along_and_that_is_no_work() -> None:
    begun = looks(replace(idle(1001), cpu_seconds=50.0))
    after = begun.take(idle(1011))
    assert after.progress == begun.progress
    assert begun.cpu_percent(idle(1011)) == 0.0
    assert after.take(replace(idle(1021), cpu_seconds=2.0)).progress == 1021


# Silence


def test_silence_is_told_only_by_a_look_that_was_made_after_it() -> None:
    """A slow sweep must not kill a healthy agent that it has not looked at."""
    assert silence(Signs(START), 5) is None
    begun = looks(idle(1001))
    assert (result := silence(begun, 60)) is not None and result.ok
    quiet = begun.take(idle(1060.9))
    assert (result := silence(quiet, 60)) is not None and result.ok
    quiet = quiet.take(idle(1061))
    result = silence(quiet, 60)
    assert result is not None and not result.ok
    assert result.detail == "no output, CPU time or heartbeat for 60 s"


@pytest.mark.parametrize("clock", ["output_bytes", "cpu_seconds", "beat"])
def test_any_clock_that_moves_breaks_the_silence(clock: str) -> None:
    signs = looks(idle(1001))
    for number in range(1, 40):
        look = replace(idle(1001 + 10 * number), **{clock: 1000 * number})
        signs = signs.take(look)
        result = silence(signs, 60)
        assert result is not None and result.ok
        assert "last sign of life" in result.detail


def test_a_run_that_never_said_anything_is_silent_since_its_start() -> None:
    signs = looks(Look(1001, 0, 0), Look(1070, 0, 0))
    assert (result := silence(signs, 60)) is not None and not result.ok


def test_of_an_adopted_run_nothing_is_said_before_something_is_known() -> None:
    """Else a hub's restart would call a wedged agent well for a while."""
    signs = looks(idle(1001), idle(1030), signs=Signs(START, adopted=True))
    assert silence(signs, 60) is None
    assert heartbeat(signs, 60) is None
    spoken = signs.take(replace(idle(1040), output_bytes=99))
    assert (result := silence(spoken, 60)) is not None and result.ok
    quiet = signs.take(idle(1060))
    assert (result := silence(quiet, 60)) is not None and not result.ok


# Heartbeat


def test_a_heartbeat_is_overdue_when_a_look_says_so() -> None:
    signs = looks(idle(1001))
    assert (result := heartbeat(signs, 90)) is not None and result.ok
    late = signs.take(idle(1091))
    result = heartbeat(late, 90)
    assert result is not None and not result.ok
    assert result.detail == "no heartbeat for 90 s"
    again = late.take(replace(idle(1100), beat=700))
    assert (result := heartbeat(again, 90)) is not None and result.ok


def test_the_first_heartbeat_is_waited_for_and_then_missed() -> None:
    signs = looks(Look(1050, 9, 9, None))
    assert heartbeat(signs, 90) is None
    result = heartbeat(signs.take(Look(1090, 99, 99, None)), 90)
    assert result is not None and not result.ok
    assert result.detail == "no heartbeat within 90 s"


def test_a_heartbeat_that_came_by_another_door_counts_at_once() -> None:
    signs = replace(looks(Look(1050, 0, 0)), heartbeat=1055.0)
    assert (result := heartbeat(signs, 30)) is not None and result.ok
    assert (result := silence(signs, 30)) is not None and result.ok
