"""Ends what time alone ends, while nobody looks: barriers' rounds, locks' leases."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from agents.services import barrier_ends, locks

# Seconds between two looks. Who waits at a barrier is told by the waiting call itself.
EVERY: Final = 1.0


async def keep_ending(call: Callable[..., Awaitable[Any]]) -> None:
    """For ever. `call` runs a blocking function where the database may be used."""
    while True:
        soonest: float | None = await call(_end_all)
        await asyncio.sleep(
            EVERY if soonest is None else min(EVERY, max(0.01, soonest))
        )


def _end_all() -> float | None:
    """Seconds until the next round's time is over; None without one."""
    locks.end_leases()
    return barrier_ends.end_late()
