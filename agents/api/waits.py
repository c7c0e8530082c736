"""Waiting for what comes of a request, on the loop: no thread is held meanwhile.

Enters: whatever can be looked at until it is done. The database is looked at once
something has been committed, and by few calls at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import (
    AbstractContextManager,
    contextmanager,
    nullcontext,
    suppress,
)
from functools import partial
from typing import Final, Protocol

from asgiref.sync import sync_to_async

from agents.api.problems import Problem
from agents.services.changes import Glance
from agents.services.figures import seconds
from agents.services.waiting import EVERY

# Calls that wait at once, and seconds until another may try.
MOST: Final = 100
TRY_AGAIN: Final = 5
LONGEST: Final = 600
# Seconds between two looks at the files, for who has waited long.
SELDOM: Final = 0.25

Heard = Callable[[Callable[[], object]], AbstractContextManager[None]]


class Awaited(Protocol):
    """What is waited for. `look` and `give_up` read the database."""

    @property
    def done(self) -> bool:
        """Whether it is known what came of it."""
        ...

    def look(self) -> None:
        """See how it is now."""
        ...

    def give_up(self, why: str) -> None:
        """The time is over; afterwards it is done."""
        ...


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


def unheard(wake: Callable[[], object]) -> AbstractContextManager[None]:
    """Of what nobody tells: it is looked for, and `wake` never called."""
    return nullcontext()


async def follow(wait: Awaited, timeout: float, heard: Heard = unheard) -> None:
    """Look until all is judged; after `timeout` seconds what is left has failed.

    `heard`: inside it `wake` is called, by any thread, when a look is worth it at once.
    """
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    begun, glance, pause = loop.time(), Glance(), EVERY
    with heard(partial(loop.call_soon_threadsafe, told.set)):
        while True:
            if told.is_set() or glance.worth_it():
                told.clear()
                await sync_to_async(wait.look)()
            left = begun + timeout - loop.time()
            if wait.done:
                return
            if left <= 0:
                await sync_to_async(wait.give_up)(f"after {seconds(timeout)}")
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(told.wait(), min(pause, left))
            pause = min(SELDOM, pause * 1.1)
