"""Agents that the hub did not start: they register, and go."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router, Status

from agents.api.answers import answers
from agents.api.callers import needs, needs_for
from agents.api.chosen import the_agent
from agents.api.problems import Problem
from agents.api.schemas.agent import AgentOut
from agents.api.schemas.registry import DeregisterIn, RegisteredOut, RegisterIn
from agents.policy.lease import INTERVAL, LEASE
from agents.services import registry, shapes
from agents.services.permissions import OPERATE
from agents.services.registry import About, NameTaken, NotOutside

router = Router()


@router.post(
    "agents/register",
    response=answers(RegisteredOut, 409, status=201),
    summary="Register an agent that the hub did not start",
    openapi_extra={
        "responses": {
            201: {"headers": {"Location": {"schema": {"type": "string"}}}},
        }
    },
)
def register(
    request: HttpRequest, response: HttpResponse, body: RegisterIn
) -> Status[dict[str, Any]]:
    """It begins a new run, with a token of its own; an earlier run of it is over.

    There is no `Idempotency-Key`, as a token is kept nowhere to be given again: sent
    once more, it is the same agent, and the token before counts no more.
    """
    caller = needs(request, OPERATE)
    about = About(body.role, body.labels, body.capabilities)
    try:
        done = registry.register(
            body.name, caller, about, activity=body.activity or "", note=body.note
        )
    except NameTaken as error:
        raise Problem(409, str(error)) from None
    response["Location"] = f"/api/v1/agents/{done.agent.name}"
    response["Cache-Control"] = "no-store"
    return Status(
        201,
        {
            "token": done.token,
            "run": done.run.number,
            "interval": INTERVAL,
            "lease": LEASE,
            "agent": shapes.agent_shape(done.agent),
        },
    )


@router.post(
    "agents/{name}/deregister",
    response=answers(AgentOut, 404, 409),
    summary="It goes",
)
def deregister(
    request: HttpRequest, name: str, body: DeregisterIn | None = None
) -> dict[str, Any]:
    """By itself, or by a person: its run is over, and what it holds is free.

    The agent stays known, with its history. Gone already is no error.
    """
    caller = needs_for(request, name, OPERATE)
    agent = the_agent(name)
    try:
        registry.deregister(agent.pk, caller, body.reason if body else "")
    except NotOutside as error:
        raise Problem(409, str(error)) from None
    return shapes.agent_shape(the_agent(name))
