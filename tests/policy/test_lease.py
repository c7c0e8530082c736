"""Leases: by the clock that does not jump, and by the wall's after a boot."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from agents.policy import clock
from agents.policy.lease import GIVE_UP, INTERVAL, LEASE, Lease


def test_three_heartbeats_that_do_not_come_end_it() -> None:
    assert INTERVAL * 3 == LEASE == 60


@pytest.mark.parametrize(
    ("ago", "counts", "hopeless"),
    [
        (0, True, False),
        (LEASE - 1, True, False),
        (LEASE + 1, False, False),
        (GIVE_UP - 1, False, False),
        (GIVE_UP + 1, False, True),
    ],
)
def test_a_lease_ends_and_later_there_is_no_hope(
    ago: float, counts: bool, hopeless: bool
) -> None:
    lease = Lease.begin()
    then = replace(lease, at=lease.at - ago)
    assert (then.counts, then.hopeless) == (counts, hopeless)
    # A wall clock that is set on or back by a day changes nothing on the same boot.
    for days in (-1, 1):
        moved = replace(then, until=then.until + timedelta(days=days))
        assert (moved.counts, moved.hopeless) == (counts, hopeless)


def test_after_a_boot_the_wall_clock_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    lease = Lease.begin()
    monkeypatch.setattr(clock, "boot_id", lambda: "another")
    assert lease.counts
    late = replace(lease, until=lease.until - timedelta(seconds=LEASE + 1))
    assert not late.counts and not late.hopeless
    gone = replace(lease, until=lease.until - timedelta(seconds=GIVE_UP + 1))
    assert gone.hopeless
