"""Work in a thread that is finished even if whoever waits for it is cancelled.

So that nothing is written any more once a task has ended and its locks are free.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def begin(
    function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> asyncio.Future[T]:
    """Run it in a thread. A future and no task: the end of a loop cancels tasks."""
    loop = asyncio.get_running_loop()
    return loop.run_in_executor(None, lambda: function(*args, **kwargs))


async def finish(work: asyncio.Future[T]) -> T:
    """Its result; being cancelled meanwhile is raised only when it is done."""
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        # It has been looked at, and is nobody's news any more.
        _ = work.cancelled() or work.exception()
        raise cancelled
    return work.result()


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The same, begun and finished."""
    return await finish(begin(function, *args, **kwargs))
