"""A lease: how long somebody's word counts whom nobody of ours can see.

On the boot it was given in, the clock tells that does not jump; after it the wall's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from agents.policy.clock import Moment

# Seconds. Three heartbeats that do not come end it.
LEASE: Final = 60.0
INTERVAL: Final = LEASE / 3
# Seconds of silence after which nobody waits any more for who was not heard of.
GIVE_UP: Final = 300.0


@dataclass(frozen=True, slots=True)
class Lease:
    """When it ends: (`boot`, `at`) on the boot clock, `until` for people."""

    boot: str
    at: float
    until: datetime

    @classmethod
    def begin(cls, seconds: float = LEASE) -> Lease:
        """One from now on."""
        moment = Moment.now().later(seconds)
        return cls(moment.boot, moment.at, datetime.now(UTC) + timedelta(0, seconds))

    def over_for(self) -> float:
        """Seconds since its end; negative while it counts."""
        now = Moment.now()
        if now.boot == self.boot:
            return now.at - self.at
        return (datetime.now(UTC) - self.until).total_seconds()

    @property
    def counts(self) -> bool:
        """Whether it has not ended."""
        return self.over_for() < 0

    @property
    def hopeless(self) -> bool:
        """Whether it ended so long ago that whoever had it is taken for gone."""
        return self.over_for() >= GIVE_UP - LEASE
