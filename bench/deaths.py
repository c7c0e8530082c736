"""When the last of some processes has ended, as seen from outside."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Collection


class Deaths:
    """Watches from the moment it is made; a zombie counts as dead.

    One pidfd is waited for after the other: as many wake-ups as there are
    processes at most, and the last one tells the time.
    """

    def __init__(self, pids: Collection[int]) -> None:
        self._files: list[int] = []
        for pid in pids:
            try:
                self._files.append(os.pidfd_open(pid))
            except ProcessLookupError:
                continue
        self._at = 0.0
        self._thread = threading.Thread(target=self._watch, name="deaths", daemon=True)
        self._thread.start()

    def wait(self, timeout: float) -> float:
        """The moment, on the monotonic clock; TimeoutError if some live on."""
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise TimeoutError(f"Not all of {len(self._files)} processes have ended.")
        return self._at

    def _watch(self) -> None:
        for file in self._files:
            poll = select.poll()
            poll.register(file, select.POLLIN)
            poll.poll()
            self._at = time.monotonic()
            os.close(file)
