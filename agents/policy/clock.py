"""A clock that neither jumps nor stops while the machine sleeps.

A Moment can be stored and compared by a later hub on the same boot.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@cache
def boot_id() -> str:
    """The kernel's random id of this boot; a per-process one off Linux."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return str(uuid.uuid4())


def boot_seconds() -> float:
    """Seconds since boot, sleep included (CLOCK_BOOTTIME where there is one)."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


@dataclass(frozen=True, slots=True)
class Moment:
    """A point on the boot clock: comparable only within one boot."""

    boot: str
    at: float

    @classmethod
    def now(cls) -> Moment:
        """This instant."""
        return cls(boot_id(), boot_seconds())

    def later(self, seconds: float) -> Moment:
        """The moment that many seconds after this one."""
        return Moment(self.boot, self.at + seconds)

    def seconds_until(self) -> float:
        """Seconds from now; 0 when passed, and after a reboot."""
        if self.boot != boot_id():
            return 0.0
        return max(0.0, self.at - boot_seconds())


@dataclass(frozen=True, slots=True)
class Now:
    """One reading of both clocks, for what happens to many at once.

    `at`: seconds on the boot clock.
    """

    wall: datetime
    at: float

    @classmethod
    def read(cls) -> Now:
        """This instant."""
        return cls(datetime.now(UTC), boot_seconds())
