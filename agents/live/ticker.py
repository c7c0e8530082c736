"""One ticker for each web process: looks once for all who listen, then tells them.

It looks from the first of them to the last, and keeps where it is as long as a socket
is open. The database is the ledger, so each process has its own and none needs to hear
of the others.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol, TypeVar
from weakref import WeakKeyDictionary

from agents.live.demand import Demand, Edition
from agents.live.editor import Editor, drop_connection
from agents.live.places import Answer, Place
from agents.live.topics import Wanted

logger = logging.getLogger(__name__)

PERIOD: Final = 0.1
PERIOD_AFTER_ERROR: Final = 1.0
ACCESS_EVERY: Final = 30.0

Result = TypeVar("Result")


class Subscriber(Protocol):
    """An open page, or a program."""

    def demand(self) -> Demand | None:
        """What a page shows; None while it must not be sent anything."""

    def places(self) -> Collection[Place]:
        """Where a program is; none while it must not be sent anything."""

    async def deliver(self, edition: Edition) -> None:
        """Send it what it shows of this edition; returns at once."""

    async def check_access(self) -> None:
        """Close it if its person may not look any more."""


class Ticker:
    """The loop; make it by `of_this_loop`."""

    def __init__(self) -> None:
        self._sockets = 0
        self._subscribers: set[Subscriber] = set()
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._executor: ThreadPoolExecutor | None = None
        self._editor: Editor | None = None

    @classmethod
    def of_this_loop(cls) -> Ticker:
        """The ticker of the running event loop."""
        loop = asyncio.get_running_loop()
        return _tickers.setdefault(loop, cls())

    def enter(self) -> None:
        """A socket has opened; before anything is read for it."""
        self._sockets += 1

    def exit(self) -> None:
        """It has closed; once for each `enter`, after its subscriber has left."""
        self._sockets -= 1
        if not self._sockets:
            self._end()

    def join(self, subscriber: Subscriber) -> None:
        """Tell this page from now on."""
        self._subscribers.add(subscriber)
        if not self._tasks:
            self._tasks = (
                asyncio.create_task(self._run(), name="live ticker"),
                asyncio.create_task(self._check_rights(), name="live rights"),
            )

    def leave(self, subscriber: Subscriber) -> None:
        """Forget this page; safe to call twice, and while the loop is ending."""
        self._subscribers.discard(subscriber)
        if not self._subscribers:
            for task in self._tasks:
                task.cancel()
            self._tasks = ()

    async def snapshot(self, demand: Demand, after: int) -> Edition:
        """Everything that one page shows now."""
        return await self.read(lambda: self._edit().snapshot(demand, after))

    async def begin(self, wanted: Wanted) -> list[Answer]:
        """What a program is sent first. Raises Malformed."""
        return await self.read(lambda: self._edit().begin(wanted))

    async def read(self, job: Callable[[], Result]) -> Result:
        """Run something short that reads the database, in the editor's thread."""
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, thread_name_prefix="live")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, job)

    async def _run(self) -> None:
        while True:
            pause = PERIOD
            try:
                await self._tick()
            except Exception:
                # Whatever it is, the next look may do better; open pages depend
                # on this loop going on.
                logger.warning("the live pages have no news", exc_info=True)
                await self._mend()
                pause = PERIOD_AFTER_ERROR
            await asyncio.sleep(pause)

    async def _mend(self) -> None:
        """A connection that has failed is not used again."""
        try:
            await self.read(drop_connection)
        except Exception:
            logger.warning("a failed connection could not be dropped", exc_info=True)

    async def _check_rights(self) -> None:
        """Beside the looks, and one by one, so that no news wait for all of them."""
        while True:
            await asyncio.sleep(ACCESS_EVERY)
            for subscriber in tuple(self._subscribers):
                try:
                    await subscriber.check_access()
                except Exception:
                    # No word against anybody: it is asked again next time.
                    logger.warning("who may look is not known", exc_info=True)

    async def _tick(self) -> None:
        demands = {one.demand() for one in self._subscribers} - {None}
        shown = [one for one in demands if one is not None]
        places = {place for one in self._subscribers for place in one.places()}
        edition = await self.read(lambda: self._edit().look(shown, places))
        if edition:
            for subscriber in tuple(self._subscribers):
                await subscriber.deliver(edition)

    def _edit(self) -> Editor:
        if self._editor is None:
            self._editor = Editor()
        return self._editor

    def _end(self) -> None:
        executor = self._executor
        self._executor = self._editor = None
        if executor is not None:
            executor.submit(drop_connection)
            executor.shutdown(wait=False)


_tickers: WeakKeyDictionary[asyncio.AbstractEventLoop, Ticker] = WeakKeyDictionary()
