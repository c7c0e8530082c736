"""Heartbeats: what an agent says of itself, and what it is told."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router

from agents.api.answers import answers
from agents.api.callers import needs_for
from agents.api.chosen import the_agent
from agents.api.problems import Problem
from agents.api.schemas.heartbeats import HeartbeatIn, HeartbeatOut
from agents.services import heartbeats
from agents.services.heartbeats import RunOver
from agents.services.permissions import OPERATE
from agents.services.tokens import Caller

router = Router()


@router.post(
    "agents/{name}/heartbeat",
    response=answers(HeartbeatOut, 404, 409),
    summary="It lives",
)
def heartbeat(
    request: HttpRequest, name: str, body: HeartbeatIn | None = None
) -> dict[str, Any]:
    """By the token of its run, or by a person who may operate. 409: it has no live run.

    It may be sent again as it was: a heartbeat does nothing twice.
    """
    caller, said = (
        needs_for(request, name, OPERATE),
        body or HeartbeatIn.model_validate({}),
    )
    agent_id, run_id = _whose(caller, name, said.run)
    try:
        reply = heartbeats.take(
            agent_id, run_id, timezone.now(), activity=said.activity, note=said.note
        )
    except RunOver as error:
        raise Problem(409, f"{name}: {error}") from None
    return {
        "wanted": "stop" if reply.stop else "run",
        "cancel": list(reply.cancel),
        "locks_lost": [asdict(one) for one in reply.locks_lost],
        "interval": reply.interval,
    }


def _whose(caller: Caller, name: str, number: int | None) -> tuple[int, uuid.UUID]:
    """The agent and its run; what a token has told already is not asked again."""
    if caller.agent_id is not None and number is None:
        return caller.agent_id, uuid.UUID(caller.run_id)
    agent = the_agent(name)
    run = agent.run
    if run is None or run.ended_at is not None:
        raise Problem(409, f"{name} has no live run, which a heartbeat would be of.")
    if number not in (None, run.number):
        raise Problem(409, f"Run {number} of {name} is not its live one: {run.number}.")
    if caller.is_run and str(run.pk) != caller.run_id:
        raise Problem(409, f"{name}: {heartbeats.OVER}")
    return agent.pk, run.pk
