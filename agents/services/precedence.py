"""Supervision goes first: while an agent that died waits for its successor, requests
that have just come wait too, for some milliseconds at most.

One process, one loop: the supervisor says when, the server's handler waits.
"""

from __future__ import annotations

import asyncio
from typing import Final

# Nobody waits longer, however many agents die (seconds).
AT_MOST: Final = 0.02


class Precedence:
    """Use on the event loop."""

    def __init__(self) -> None:
        self._over: asyncio.Event | None = None

    def take(self) -> None:
        """From now on those who ask wait; harmless when they do already."""
        if self._over is None:
            self._over = asyncio.Event()

    def give(self) -> None:
        """Nobody waits any more; harmless when nobody did."""
        if self._over is not None:
            self._over.set()
            self._over = None

    async def given(self) -> None:
        """Back at once when nothing has precedence, else when it is over, or AT_MOST
        seconds later."""
        if (over := self._over) is None:
            return
        timer = asyncio.get_running_loop().call_later(AT_MOST, over.set)
        await over.wait()
        timer.cancel()


# The hub's own: there is one supervisor and one server in a process.
precedence: Final = Precedence()
