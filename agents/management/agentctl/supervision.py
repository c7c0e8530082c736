"""Whether anybody supervises, and doing it in passing where nobody does.

The engine is loaded only when it is asked: it costs more than a list of agents.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from agents.policy.ladder import KILL_PATIENCE
from agents.services import cluster, nodes, presence

LOCAL: Final = nodes.LOCAL
START_ONE: Final = "start one with `manage.py hub`"
AS_LAST_SEEN: Final = (
    "No supervisor is running: what you see is as it was last seen. "
    "To have agents supervised, start `manage.py hub`."
)

WAITING: Final = (
    "The supervisor is degraded: the database does not answer since {since} "
    "({reason}). Agents run on; what happens to them is written down later."
)


def is_there(node: str = LOCAL) -> bool:
    """Whether the node's supervisor lives."""
    return nodes.is_there(node)


def caveat(node: str = LOCAL) -> str:
    """Why what is shown may not be as it is now; empty when it is."""
    if not is_there(node):
        return AS_LAST_SEEN
    hardship = presence.hardship(node)
    if hardship is None:
        return ""
    return WAITING.format(since=hardship.since, reason=hardship.reason)


def settle_here(node: str, agent_ids: Sequence[int], timeout: float) -> bool | None:
    """Supervise these agents until their requests are settled; whether they are.

    None where a supervisor has come meanwhile, who does it instead.
    """
    from agents.supervisor import lock, solo

    # A hub's log is not for the person who waits for an answer here.
    logger = logging.getLogger("agents")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        return solo.settle(node, agent_ids, timeout)
    except lock.Held:
        return None
    finally:
        logger.setLevel(level)


def end_cluster() -> None:
    """What a killed hub has left of its own ends too; the next hub begins it anew."""
    asked = cluster.end("all agents were ended, and no hub runs")
    if asked is not None:
        settle_here(LOCAL, [asked.agent_id], cluster.GRACE + 2 * KILL_PATIENCE)
