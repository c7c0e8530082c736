"""What is too old goes: rows by the database's thread, files by another, in parts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, Final

from agents.services import changes, first_answers, retention, usage
from agents.supervisor.retention import drop_past, untouched

PRUNE_EVERY: Final = 3600.0
# Folders that are judged, and removed, at once.
PART: Final = 100

# Runs a blocking function where the database may be used.
Call = Callable[..., Awaitable[Any]]


async def keep_pruned(call: Call, thread: Executor, runs: Path) -> None:
    """At once and every hour, until cancelled."""
    while True:
        await prune_rows(call)
        await prune_files(call, thread, runs)
        await asyncio.sleep(PRUNE_EVERY)


async def prune_rows(call: Call) -> None:
    """Other words to the database come in between the parts."""
    await call(changes.prune)
    while await call(usage.prune):
        pass
    while await call(first_answers.prune):
        pass
    for table in retention.TABLES:
        after: int | None = 0
        while after is not None:
            after = await call(retention.prune, table, after)


async def prune_files(call: Call, thread: Executor, runs: Path) -> None:
    """The folders of runs that ended long ago; their rows stay."""
    loop = asyncio.get_running_loop()
    since = time.time() - retention.KEEP_FILES.total_seconds()
    old = await loop.run_in_executor(thread, untouched, runs, since)
    for begin in range(0, len(old), PART):
        past = await call(retention.past_runs, old[begin : begin + PART])
        await loop.run_in_executor(thread, drop_past, runs, past)
