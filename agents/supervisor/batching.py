"""The runner of batches, of phases of work, and of stops that wait for work.

It is beside the supervisor, with a database thread of its own, and takes no part in a
turn. It knows nothing that the rows do not say, so it may end, or be killed, at any
instant.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Final

from agents.execution.bridge import Bridge
from agents.services import batch_steps, brake_effects, phase_steps
from agents.services.changes import Glance

# Seconds between two looks: while a batch is open, and while none is.
OFTEN: Final = 0.1
SELDOM: Final = 0.5


async def carry_on_batches(only: Collection[int] | None) -> None:
    """Go on with what batches there are, until cancelled; who supervises `only` some
    agents in passing has no time for it.

    A look costs two calls of stat(2) while nothing has been committed.
    """
    bridge, glance, still_open = Bridge(), Glance(), True

    def step() -> bool:
        working = brake_effects.stop_finished()
        meeting = phase_steps.step()
        return batch_steps.step() or working or meeting

    try:
        while only is None:
            due = glance.worth_it()
            if due and not still_open:
                due = await bridge.call(glance.anything_new)
            if due:
                still_open = await bridge.call(step)
            await asyncio.sleep(OFTEN if still_open else SELDOM)
    finally:
        bridge.give_up = True
        await bridge.close()
