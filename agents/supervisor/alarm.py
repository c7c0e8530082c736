"""What ends the manager's nap: a ring, a commit that was heard, or its time.

On SQLite the kernel tells of commits, so an idle manager need not look 20 times a
second and still knows at once what a command line has asked.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Final

from agents.services import changes, commits

# How often to look for news where commits are heard, and where they are not (seconds).
# A commit is heard a moment before it can be seen: for a while after, look often too,
# and once more when the files' times can hide it no longer.
LOOK_ANYWAY: Final = 1.0
LOOK_EVERY: Final = 0.05
ATTENTIVE: Final = 0.2
ONCE_MORE: Final = changes.LOOK_ANYWAY


class Alarm:
    """Use on one event loop. `heard` is called when somebody has committed."""

    def __init__(self, heard: Callable[[], None]) -> None:
        self._heard = heard
        self._rung = asyncio.Event()
        self._watch: commits.CommitWatch | None = None
        self._listening = False
        self._heard_at = -math.inf

    def listen(self) -> None:
        """Hear commits from now on, where that can be had."""
        self._watch = commits.watch()
        if self._watch is not None:
            self._prick_up()

    def _prick_up(self) -> None:
        if self._watch is not None and not self._listening:
            loop = asyncio.get_running_loop()
            loop.add_reader(self._watch.descriptor, self._on_commit)
            self._listening = True

    def deafen(self) -> None:
        """Hear no more; harmless when it did not."""
        if self._watch is not None:
            asyncio.get_running_loop().remove_reader(self._watch.descriptor)
            self._watch.close()
            self._watch, self._listening = None, False

    def ring(self) -> None:
        """End the nap, or the next one before it begins."""
        self._rung.set()

    def quiet(self) -> None:
        """What was rung for is about to be looked at."""
        self._rung.clear()

    async def nap(self, at_most: float) -> None:
        """Wait for a ring, or until it is time to look; cheaper than wait_for."""
        loop = asyncio.get_running_loop()
        self._prick_up()
        timer = loop.call_later(min(at_most, self._pause()), self._rung.set)
        await self._rung.wait()
        timer.cancel()

    def _pause(self) -> float:
        passed = asyncio.get_running_loop().time() - self._heard_at
        if self._watch is None or passed < ATTENTIVE:
            return LOOK_EVERY
        return ONCE_MORE - passed if passed < ONCE_MORE else LOOK_ANYWAY

    def _on_commit(self) -> None:
        assert self._watch is not None
        if self._watch.heard():
            self._heard_at = asyncio.get_running_loop().time()
            # A commit is a hundred writes: once is enough until the next nap.
            asyncio.get_running_loop().remove_reader(self._watch.descriptor)
            self._listening = False
            self._heard()
            self._rung.set()
