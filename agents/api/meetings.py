"""Waiting at barriers, on the loop: one look for all who wait, whatever their number.

Each process has its own watch for each loop, which begins with the first who waits and
ends with the last. It looks at the database once something has been committed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from weakref import WeakKeyDictionary

from django.db import connection

from agents.api.waits import Seats
from agents.policy.clock import Moment
from agents.services import barrier_waits
from agents.services.barrier_waits import Look, Place
from agents.services.changes import Glance
from agents.services.rounds import Standing

logger = logging.getLogger(__name__)

# Calls that wait at barriers at once: each has a socket, and nothing else.
MOST: Final = 1000
# Seconds.
EVERY: Final = 0.05
AFTER_ERROR: Final = 1.0

SEATS: Final = Seats(MOST)


class Watch:
    """The loop; make it by `of_this_loop`."""

    def __init__(self) -> None:
        self._waiting: dict[Place, set[asyncio.Future[Standing]]] = {}
        self._task: asyncio.Task[None] | None = None
        self._glance = Glance()
        self._fresh = False
        self._deadline: Moment | None = None

    @classmethod
    def of_this_loop(cls) -> Watch:
        """The watch of the running event loop."""
        return _watches.setdefault(asyncio.get_running_loop(), cls())

    async def until_over(self, place: Place, timeout: float) -> Standing | None:
        """How the round has ended; None if it has not within `timeout` seconds."""
        loop = asyncio.get_running_loop()
        over: asyncio.Future[Standing] = loop.create_future()
        self._waiting.setdefault(place, set()).add(over)
        # It may have ended before anybody watched it.
        self._fresh = True
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="barriers")
        try:
            async with asyncio.timeout(timeout):
                return await over
        except TimeoutError:
            return None
        finally:
            self._leave(place, over)

    def _leave(self, place: Place, over: asyncio.Future[Standing]) -> None:
        others = self._waiting.get(place, set())
        others.discard(over)
        if not others:
            self._waiting.pop(place, None)
        if not self._waiting and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        # Its own thread, so that its connection sees each commit of others.
        thread = ThreadPoolExecutor(1, thread_name_prefix="barriers")
        try:
            while True:
                pause = EVERY
                try:
                    if self._worth_it():
                        await self._look(thread)
                except Exception:
                    # Those who wait depend on this loop going on.
                    logger.warning("who waits at barriers has no news", exc_info=True)
                    self._fresh, pause = True, AFTER_ERROR
                    thread.submit(connection.close)
                await asyncio.sleep(pause)
        finally:
            thread.submit(connection.close)
            thread.shutdown(wait=False)

    def _worth_it(self) -> bool:
        late = self._deadline is not None and self._deadline.seconds_until() == 0.0
        return self._glance.worth_it() or self._fresh or late

    async def _look(self, thread: ThreadPoolExecutor) -> None:
        late = self._deadline is not None and self._deadline.seconds_until() == 0.0
        anyway, self._fresh = self._fresh or late, False
        loop = asyncio.get_running_loop()
        places = tuple(self._waiting)
        seen = await loop.run_in_executor(thread, self._seen, places, anyway)
        if seen is None:
            return
        self._deadline = seen.deadline
        for place, standing in seen.over.items():
            _tell(self._waiting.get(place, ()), standing)

    def _seen(self, places: tuple[Place, ...], anyway: bool) -> Look | None:
        """None while nobody has committed anything: that costs no query."""
        news = self._glance.anything_new()
        return barrier_waits.look(places) if news or anyway else None


def _tell(waiting: Iterable[asyncio.Future[Standing]], standing: Standing) -> None:
    for one in waiting:
        if not one.done():
            one.set_result(standing)


_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, Watch] = WeakKeyDictionary()
