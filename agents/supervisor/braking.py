"""Who may not begin while the fleet brake is pulled.

Nothing is remembered that the rows do not say. Where no brake is pulled it costs one
comparison for an agent that is about to begin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from agents.policy.brake import RELEASED, Brake
from agents.policy.reconcile import Move
from agents.policy.states import Status
from agents.services.recording import Step
from agents.supervisor.life import change
from agents.supervisor.managed import ManagedAgent

SOURCE: Final = "fleet brake"
_HELD: Final = "held by the fleet brake"
_WITHOUT_RUN: Final = (Status.STOPPED, Status.CRASHED, Status.BACKOFF)


class Braking:
    """The brake, as the supervisor of these agents has heard of it."""

    def __init__(self, agents: Mapping[int, ManagedAgent]) -> None:
        self._agents, self._brake = agents, RELEASED

    def hear(self, brake: Brake) -> set[int]:
        """It was pulled or released: who has to be looked at because of that."""
        self._brake = brake
        return {agent.id for agent in self._agents.values() if agent.live is None}

    def hold(self, agent: ManagedAgent, move: Move) -> list[Step] | None:
        """What to record of one that would begin and may not; None: it may.

        The hub's own cluster goes on: it only says what is due.
        """
        if self._brake.pulled is None or agent.setup.internal:
            return None
        if not self._brake.holds(move, agent.wanted.made):
            return None
        before = agent.seen.reason.partition(f"; {_HELD}")[0]
        reason = f"{before}; {_HELD}"
        if agent.seen.reason == reason:
            return []
        # Between the two runs of a restart it has no process either.
        status = agent.status if agent.status in _WITHOUT_RUN else Status.STOPPED
        step = change(agent, status, reason, SOURCE, pid=None)
        return [replace(step, note=True)]
