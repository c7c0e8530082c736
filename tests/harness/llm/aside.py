"""A stand-in on a loop and thread of its own, for tests that have no loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.harness.llm.answers import Behaviour
from tests.harness.llm.server import StandIn, Wire


@contextmanager
def standing_in(wire: Wire, *behaviours: Behaviour) -> Iterator[StandIn]:
    """It serves until the test is through with it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="stand-in")
    thread.start()
    standin = StandIn(wire, *behaviours)
    try:
        asyncio.run_coroutine_threadsafe(standin.__aenter__(), loop).result(10)
        yield standin
        asyncio.run_coroutine_threadsafe(standin.close(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
