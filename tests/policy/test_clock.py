"""A clock that can be stored and compared by a later hub on the same boot."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from agents.policy import clock
from agents.policy.clock import Moment, boot_id, boot_seconds


def test_the_clock_goes_on_and_never_back() -> None:
    seen = [boot_seconds() for _ in range(100)]
    assert seen == sorted(seen)
    assert seen[0] > 0


def test_a_boot_has_one_id() -> None:
    assert boot_id() == boot_id()
    assert uuid.UUID(boot_id())
    assert len(boot_id()) == 36  # As long as the columns that store it.


def test_without_the_kernels_word_the_boot_is_this_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clock, "_BOOT_ID", Path("/nonexistent/boot_id"))
    fresh = clock.boot_id.__wrapped__
    assert uuid.UUID(fresh())
    assert fresh() != fresh()


def test_a_moment_to_come_is_some_seconds_away() -> None:
    left = Moment.now().later(60).seconds_until()
    assert 59 < left <= 60


def test_a_moment_that_has_passed_is_no_seconds_away() -> None:
    assert Moment.now().later(-1).seconds_until() == 0.0


def test_after_a_reboot_every_delay_has_passed() -> None:
    assert Moment("another-boot", boot_seconds() + 3600).seconds_until() == 0.0


def test_a_moment_survives_being_stored() -> None:
    moment = Moment.now().later(60)
    assert Moment(moment.boot, moment.at) == moment
