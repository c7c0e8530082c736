"""What a supervisor says of itself in its lock: the database cannot be told all."""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import asdict
from typing import Final

from django.utils import timezone

from agents.services.presence import Hardship
from agents.services.shapes import utc
from agents.supervisor.lock import NodeLock

LONGEST_REASON: Final = 200


class Word:
    """`hardship`: since when and why the database is waited for, while it is."""

    def __init__(self, lock: NodeLock, url: str) -> None:
        self.url = url
        self.hardship: Hardship | None = None
        self._lock = lock
        self._relieved = asyncio.Event()

    def say(self) -> None:
        """Write it into the lock, which has to be held."""
        degraded = asdict(self.hardship) if self.hardship else None
        self._lock.say(pid=os.getpid(), url=self.url, degraded=degraded)

    def hear_of_database(self, reason: str) -> None:
        """It does not answer, for this reason; or, without one, it does again."""
        if not reason:
            self._relieved.set()
            return
        since = self.hardship.since if self.hardship else utc(timezone.now())
        self.hardship = Hardship(since or "", reason[:LONGEST_REASON])
        self.say()

    async def relief(self, timeout: float) -> None:
        """Wait until the database answers again, or so long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._relieved.wait(), timeout)
        self._relieved.clear()

    def end_hardship(self) -> None:
        """To be called with a fresh lease: without one it would be called silent."""
        if self.hardship is not None:
            self.hardship = None
            self.say()
