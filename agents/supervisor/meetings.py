"""Ends the rounds of barriers whose time is over, while nobody looks at them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from agents.services import barrier_ends

# Seconds between two looks. Who waits in a call is told by the call itself.
EVERY: Final = 1.0


async def keep_ending(call: Callable[..., Awaitable[Any]]) -> None:
    """For ever. `call` runs a blocking function where the database may be used."""
    while True:
        soonest: float | None = await call(barrier_ends.end_late)
        await asyncio.sleep(
            EVERY if soonest is None else min(EVERY, max(0.01, soonest))
        )
