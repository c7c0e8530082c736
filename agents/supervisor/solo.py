"""Supervising in passing: a command settles requests where no hub runs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from agents.policy.clock import boot_seconds
from agents.supervisor.manager import ProcessManager


def settle(node: str, agent_ids: Sequence[int], timeout: float) -> bool:
    """Supervise these agents, and no others, until their requests are settled.

    False when `timeout` seconds were not enough; what was recorded stays asked.
    Raises lock.Held when another process supervises the node.
    """
    return asyncio.run(_settle(node, agent_ids, timeout))


async def _settle(node: str, agent_ids: Sequence[int], timeout: float) -> bool:
    manager = ProcessManager(node, only=agent_ids)
    try:
        return await manager.settle(agent_ids, boot_seconds() + timeout)
    finally:
        await manager.close()
