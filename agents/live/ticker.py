"""One ticker for each web process: looks once for all who listen, then tells them.

It begins with the first of them and ends with the last. The database is the ledger, so
each process has its own and none needs to hear of the others.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol, TypeVar
from weakref import WeakKeyDictionary

from agents.live.demand import Demand, Edition
from agents.live.editor import Editor
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
        self._subscribers: set[Subscriber] = set()
        self._task: asyncio.Task[None] | None = None
        self._executor: ThreadPoolExecutor | None = None
        self._editor: Editor | None = None

    @classmethod
    def of_this_loop(cls) -> Ticker:
        """The ticker of the running event loop."""
        loop = asyncio.get_running_loop()
        return _tickers.setdefault(loop, cls())

    def join(self, subscriber: Subscriber) -> None:
        """Tell this page from now on."""
        self._subscribers.add(subscriber)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="live ticker")

    def leave(self, subscriber: Subscriber) -> None:
        """Forget this page; safe to call twice, and while the loop is ending."""
        self._subscribers.discard(subscriber)
        if not self._subscribers and self._task is not None:
            self._task.cancel()
            self._task = None

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
        checked = asyncio.get_running_loop().time()
        try:
            while True:
                pause = PERIOD
                try:
                    await self._tick()
                    now = asyncio.get_running_loop().time()
                    if now - checked >= ACCESS_EVERY:
                        checked = now
                        for subscriber in tuple(self._subscribers):
                            await subscriber.check_access()
                except Exception:
                    # Whatever it is, the next look may do better; open pages depend
                    # on this loop going on.
                    logger.warning("the live pages have no news", exc_info=True)
                    await self.read(lambda: self._edit().close())
                    pause = PERIOD_AFTER_ERROR
                await asyncio.sleep(pause)
        finally:
            self._end()

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
        executor, editor = self._executor, self._editor
        self._executor = self._editor = None
        if executor is not None:
            if editor is not None:
                executor.submit(editor.close)
            executor.shutdown(wait=False)


_tickers: WeakKeyDictionary[asyncio.AbstractEventLoop, Ticker] = WeakKeyDictionary()
