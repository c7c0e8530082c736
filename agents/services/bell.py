"""The doorbell: tells a supervisor that there is something to read.

Losing a ring costs a fraction of a second, never a request: the rows are the
truth, and the supervisor also looks by itself. Nothing else sends on the
channel layer.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any, Final

from asgiref.sync import async_to_sync
from channels.exceptions import ChannelFull
from channels.layers import InMemoryChannelLayer, get_channel_layer

logger = logging.getLogger(__name__)

WAKE: Final[dict[str, Any]] = {"type": "supervisor.wake"}


def channel_name(node: str) -> str:
    """The channel on which a node's SupervisorConsumer listens."""
    return f"supervisor.{node}"


_lock = threading.Lock()
_wakers: dict[str, tuple[asyncio.AbstractEventLoop, Callable[[], None]]] = {}


def answer(
    node: str, loop: asyncio.AbstractEventLoop, wake: Callable[[], None]
) -> None:
    """Let rings for this node call `wake` on `loop`, from any thread."""
    with _lock:
        _wakers[node] = (loop, wake)


def stop_answering(node: str) -> None:
    """Forget this process's supervisor of the node."""
    with _lock:
        _wakers.pop(node, None)


def ring(node: str) -> None:
    """Wake the node's supervisor, wherever it runs. Never raises, never waits."""
    with _lock:
        waker = _wakers.get(node)
    if waker is not None:
        loop, wake = waker
        try:
            loop.call_soon_threadsafe(wake)
        except RuntimeError:  # The loop has closed: its successor will look.
            with _lock:
                if _wakers.get(node) is waker:
                    del _wakers[node]
        return
    try:
        layer = get_channel_layer()
        # In memory there is nobody to hear but this process, which has no waker.
        if layer is not None and not isinstance(layer, InMemoryChannelLayer):
            async_to_sync(layer.send)(channel_name(node), dict(WAKE))
    except ChannelFull:
        pass  # It has rings enough to hear.
    except Exception:
        logger.warning("the channel layer cannot be reached", exc_info=True)


async def knock(node: str) -> None:
    """Bring the node's SupervisorConsumer to life in this process's worker."""
    layer = get_channel_layer()
    if layer is None:
        raise RuntimeError("CHANNEL_LAYERS has no default layer")
    await layer.send(channel_name(node), dict(WAKE))
