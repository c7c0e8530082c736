"""Appending to many files at once: words are gathered, and written by one thread.

The event loop never touches a disk; what is gathered waits some hundredths of a second.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

# Seconds: to the eye at once.
GATHER: Final = 0.05
_APPEND: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


class Writer:
    """Use from one event loop. A file that cannot be written is done without."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="execution-write")
        self._gathered: dict[Path, list[bytes]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Future[None] | None = None

    def append(self, path: Path, data: bytes) -> None:
        """Add to the end of a file, soon; in the order of the calls."""
        self._gathered.setdefault(path, []).append(data)
        if self._timer is None and self._writing is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER, self._begin)

    def _begin(self) -> None:
        self._timer = None
        gathered, self._gathered = self._gathered, {}
        loop = asyncio.get_running_loop()
        self._writing = loop.run_in_executor(self._thread, _write, gathered)
        self._writing.add_done_callback(self._written)

    def _written(self, _: object) -> None:
        self._writing = None
        if self._gathered:
            self._timer = asyncio.get_running_loop().call_later(GATHER, self._begin)

    async def flush(self) -> None:
        """Wait until all that was given is in its file."""
        while self._gathered or self._writing is not None:
            if self._writing is None:
                if self._timer is not None:
                    self._timer.cancel()
                self._begin()
            assert self._writing is not None
            await asyncio.wait({self._writing})
            await asyncio.sleep(0)  # `_written` is called in between.

    async def close(self) -> None:
        """Write what is left, and end the thread."""
        await self.flush()
        self._thread.shutdown(wait=False)


def _write(gathered: Mapping[Path, list[bytes]]) -> None:
    for path, pieces in gathered.items():
        try:
            file = os.open(path, _APPEND, 0o600)
        except OSError:
            continue
        try:
            os.write(file, b"".join(pieces))
        except OSError:
            continue
        finally:
            os.close(file)
