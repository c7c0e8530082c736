"""Locks of an agent's run, held or waited for, as a call would have asked for them."""

from __future__ import annotations

from typing import Any

from agents.models import Agent, LockClaim, Run
from agents.policy.lock_queue import Mode
from agents.services import locks
from agents.services.locks import Wanted
from tests.harness.recorded import run_of

SPACE = "/srv/space"


def claimed(agent: Agent, *patterns: str, space: str = SPACE, **more: Any) -> LockClaim:
    """All of these, or a place in the queue, for the agent's live run, or `run_id`."""
    if "run_id" not in more:
        live = Run.objects.filter(agent=agent, ended_at=None).first()
        more["run_id"] = (live or run_of(agent)).pk
    wanted: dict[str, Any] = {"mode": Mode.EXCLUSIVE, **more}
    answer = locks.ask(Wanted(space, patterns, agent_id=agent.pk, **wanted), wait=True)
    assert answer.claim is not None
    return LockClaim.objects.get(pk=answer.claim)


def first_lock(agent: Agent, *patterns: str, **more: Any) -> int:
    """The id of the first lock of such a claim."""
    return claimed(agent, *patterns, **more).locks.order_by("pk")[0].pk
