"""One agent as memory has it, in the API's words: no database is asked."""

from __future__ import annotations

from typing import Any

from agents.policy.states import ALIVE
from agents.supervisor.managed import ManagedAgent


def sight(agent: ManagedAgent) -> dict[str, Any]:
    """One agent as memory has it, in the API's words."""
    seen = agent.seen
    return {
        "id": agent.id,
        "name": agent.name,
        "desired_state": agent.wanted.desired.value,
        "generation": agent.wanted.generation,
        "observed_generation": seen.generation,
        "status": seen.status.value,
        "status_since": seen.since,
        "reason": seen.reason,
        "pid": seen.pid,
        "alive": seen.status in ALIVE,
        "restart_count": seen.restart_count,
        "restarts_total": seen.restarts_total,
    }
