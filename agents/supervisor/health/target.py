"""What a probe is pointed at: one run of one agent."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from agents.adapters.launch import Surroundings
from agents.policy.liveness import Signs
from agents.policy.setup import AgentSetup


@dataclass(frozen=True, slots=True)
class Target:
    """A run. `began`: seconds on the boot clock; `signs`, `ready`: as they are now."""

    agent_id: int
    run_id: uuid.UUID
    began: float
    setup: AgentSetup
    around: Surroundings
    signs: Callable[[], Signs]
    ready: Callable[[], bool]
