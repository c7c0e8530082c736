"""The engine's one way to the database: a thread of its own, in order.

A database that is locked or full is waited for, as the supervisor does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

from django.db import OperationalError, connection

P = ParamSpec("P")
T = TypeVar("T")

RETRY_EVERY: Final = 0.5


class Bridge:
    """Use from one event loop. After `give_up` a database that is gone is an error."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="execution-db")
        self.give_up = False

    async def call(
        self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run in the thread; what is written is committed when this returns."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                return await loop.run_in_executor(
                    self._thread, lambda: function(*args, **kwargs)
                )
            except OperationalError:
                if self.give_up:
                    raise
                await loop.run_in_executor(self._thread, _disconnect)
                await asyncio.sleep(RETRY_EVERY)

    async def close(self) -> None:
        """Close the connection and end the thread."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, _disconnect)
        self._thread.shutdown(wait=False)


def _disconnect() -> None:
    connection.close()
