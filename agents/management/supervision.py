"""What `hub` and `supervise` share: the worker that carries rings to the manager."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal

from asgiref.typing import ASGI3Application
from channels.layers import get_channel_layer
from channels.worker import Worker

from agents.services import bell
from agents.supervisor import ProcessManager

logger = logging.getLogger(__name__)

# Whoever ends a hub is not kept waiting for a database that is gone (seconds).
END_OF_CLUSTER = 8.0
STILL_RUNNING = (
    "Agents still running: {count}. They go on without the hub; the next start "
    "adopts them. To stop them: manage.py agents stop --all"
)
ENDED_INSIDE = (
    "Native agents that lived in the hub: {count}. They and their tasks go on with the "
    "next start."
)


class Supervision:
    """Runs the SupervisorConsumer in this process and owns its clean end."""

    def __init__(self, manager: ProcessManager, application: ASGI3Application) -> None:
        self.manager = manager
        layer = get_channel_layer()
        assert layer is not None, "settings.CHANNEL_LAYERS has a default"
        self._worker = Worker(application, [bell.channel_name(manager.node)], layer)
        self._listening: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Start supervising (raises lock.Held), then knock at the consumer."""
        await self.manager.ensure_running()
        await self.manager.begin_cluster()
        self._listening = asyncio.create_task(self._listen(), name="supervisor-worker")
        await bell.knock(self.manager.node)

    async def _listen(self) -> None:
        """The stock worker ends with an error it meets; rings must go on."""
        while True:
            try:
                await self._worker.handle()
            except Exception:
                logger.exception("the supervisor's worker starts anew")
            await asyncio.sleep(1)

    async def end(self) -> str:
        """Stop supervising, leave the agents; a sentence for the person."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.manager.end_cluster(), END_OF_CLUSTER)
        alive = [one for one in self.manager.get_all_agents() if one["alive"]]
        outside = sum(one["pid"] is not None for one in alive)
        inside = len(alive) - outside
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening
        await self.manager.close()
        told = [STILL_RUNNING.format(count=outside)] if outside else []
        told += [ENDED_INSIDE.format(count=inside)] if inside else []
        return "\n".join(told)


def hear_interrupts() -> None:
    """What this process ignores, its agents would inherit; what it hears, they do not.

    A shell's background job starts with SIGINT ignored, one under nohup with SIGHUP.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)
