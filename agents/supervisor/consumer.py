"""The door by which rings on the channel layer reach this process's manager."""

from __future__ import annotations

from typing import Any

from channels.consumer import AsyncConsumer

from agents.supervisor import get_process_manager


class SupervisorConsumer(AsyncConsumer):
    """Listens on `supervisor.<node>`; sees that the manager runs and wakes it.

    It holds no state: Channels makes a new one after an exception.
    """

    async def supervisor_wake(self, message: dict[str, Any]) -> None:
        """A request was recorded, or the hub has just come up."""
        manager = get_process_manager()
        await manager.ensure_running()
        manager.wake()
