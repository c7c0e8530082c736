"""Agents: looked at, made, changed and deleted."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router

from agents.api.answers import answers
from agents.api.callers import needs_for
from agents.api.chosen import the_agent
from agents.api.schemas.agent import AgentOut
from agents.services import shapes

router = Router()


@router.get("agents/{name}", response=answers(AgentOut, 404), summary="One agent")
def agent(request: HttpRequest, name: str) -> dict[str, Any]:
    """How it is now."""
    needs_for(request, name)
    return shapes.agent_shape(the_agent(name))
