"""What ends the manager's nap: a ring, a commit that was heard, or its time.

On SQLite the kernel tells of commits, so an idle manager need not look 20 times a
second and still knows at once what a command line has asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from agents.services import commits

# How often to look for news where commits are heard, and where they are not (seconds).
# A commit is heard a moment before it can be seen: for a while after, look often too.
LOOK_ANYWAY: Final = 0.5
LOOK_EVERY: Final = 0.05
ATTENTIVE: Final = 0.2


class Alarm:
    """Use on one event loop. `heard` is called when somebody has committed."""

    def __init__(self, heard: Callable[[], None]) -> None:
        self._heard = heard
        self._rung = asyncio.Event()
        self._watch: commits.CommitWatch | None = None
        self._listening = False
        self._attentive_until = 0.0

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
        attentive = self._watch is None or loop.time() < self._attentive_until
        self._prick_up()
        pause = min(at_most, LOOK_EVERY if attentive else LOOK_ANYWAY)
        timer = loop.call_later(pause, self._rung.set)
        await self._rung.wait()
        timer.cancel()

    def _on_commit(self) -> None:
        assert self._watch is not None
        if self._watch.heard():
            self._attentive_until = asyncio.get_running_loop().time() + ATTENTIVE
            # A commit is a hundred writes: once is enough until the next nap.
            asyncio.get_running_loop().remove_reader(self._watch.descriptor)
            self._listening = False
            self._heard()
            self._rung.set()
