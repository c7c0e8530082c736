"""Waiting for what comes of a request, on the loop: no thread is held meanwhile.

Enters: a `services.waiting.Wait`. The database is looked at once something has been
committed, and by few calls at a time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from asgiref.sync import sync_to_async

from agents.api.problems import Problem
from agents.services.changes import Glance
from agents.services.figures import seconds
from agents.services.waiting import EVERY, Wait

# Calls that wait at once, and seconds until another may try.
MOST: Final = 100
TRY_AGAIN: Final = 5
LONGEST: Final = 600
# Seconds between two looks at the files, for who has waited long.
SELDOM: Final = 0.25


class Seats:
    """How many wait now, of `most`; used on the loop alone."""

    def __init__(self, most: int = MOST) -> None:
        self.taken, self.most = 0, most

    @contextmanager
    def one(self) -> Iterator[None]:
        """Take a seat while inside; a Problem if all are taken."""
        if self.taken >= self.most:
            raise Problem(
                503,
                f"{self.most} calls wait already, and nothing was recorded. Ask "
                "without `wait` and look again later, or try again.",
                headers={"Retry-After": str(TRY_AGAIN)},
            )
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1


SEATS: Final = Seats()


async def follow(wait: Wait, timeout: float) -> None:
    """Look until all is judged; after `timeout` seconds what is left has failed."""
    begun = time.monotonic()
    glance = Glance()
    pause = EVERY
    while True:
        if glance.worth_it():
            await sync_to_async(wait.look)()
        left = begun + timeout - time.monotonic()
        if wait.done:
            return
        if left <= 0:
            await sync_to_async(wait.give_up)(f"after {seconds(timeout)}")
            return
        await asyncio.sleep(min(pause, left))
        pause = min(SELDOM, pause * 1.1)
