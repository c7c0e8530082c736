"""The supervisor's two threads for what blocks: one looks after processes, the other
spawns them, so that an exit is seen while a batch is being spawned.

Plain data goes in and comes out; nothing of the manager's memory enters.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from agents.supervisor.process.census import Census

P = ParamSpec("P")
T = TypeVar("T")


class Hands:
    """Use from the event loop. `census` is for the looking thread only."""

    def __init__(self) -> None:
        self.census = Census()
        self._looking = ThreadPoolExecutor(1, thread_name_prefix="supervisor-process")
        self._spawning = ThreadPoolExecutor(1, thread_name_prefix="supervisor-spawn")

    def look(
        self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> asyncio.Future[T]:
        """Run in the thread that looks, reaps, signals and lays out."""
        return _in(self._looking, function, *args, **kwargs)

    def spawn(
        self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> asyncio.Future[T]:
        """Run in the thread that spawns."""
        return _in(self._spawning, function, *args, **kwargs)

    def close(self) -> None:
        """End the threads once they have done what they were given."""
        self._looking.shutdown(wait=False)
        self._spawning.shutdown(wait=False)


def _in(
    thread: ThreadPoolExecutor,
    function: Callable[P, T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> asyncio.Future[T]:
    loop = asyncio.get_running_loop()
    return loop.run_in_executor(thread, lambda: function(*args, **kwargs))
