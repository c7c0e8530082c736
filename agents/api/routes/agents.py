"""Agents: looked at, made, changed and deleted."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.admin.models import ADDITION, DELETION
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from ninja import Body, Status

from agents.api import etags, revisions
from agents.api.answers import answers
from agents.api.callers import needs, needs_for
from agents.api.chosen import peoples, the_agent
from agents.api.idempotency import documented, once
from agents.api.problems import Problem, unknown
from agents.api.routes.of_agents import router as router
from agents.api.schemas.agent import AgentOut
from agents.api.schemas.setup import CREATED, NewSetup, SetupChange, SetupOut
from agents.models import Agent
from agents.policy.dependencies import listed
from agents.services import (
    audit,
    registry,
    setup_drafts,
    setup_edits,
    setup_rights,
    setups,
    shapes,
)
from agents.services.permissions import CONFIGURE, DEFINE_COMMANDS
from agents.services.tokens import Caller

SAYS_WHAT_RUNS: Final = "Whoever sets this runs programs as the hub's user."


@router.get(
    "agents/{name}",
    response=answers(AgentOut, 404),
    summary="One agent",
    url_name="agent",
)
def agent(request: HttpRequest, name: str) -> dict[str, Any]:
    """How it is now."""
    needs_for(request, name)
    registry.mark_silent()
    return shapes.agent_shape(the_agent(name))


@router.get(
    "agents/{name}/setup",
    response=answers(SetupOut, 404, 409),
    summary="Its set-up",
    openapi_extra=etags.tagged(revisions.HEADER),
)
def setup(request: HttpRequest, name: str) -> Any:
    """Every key, as `agents export` writes it; secrets are null."""
    needs_for(request, name)
    found = _set_up(_of_people(name))
    shape = setup_drafts.exported(found)
    return etags.unless_known(request, shape, revisions.tag(found))


@router.post(
    "agents",
    response=answers(AgentOut, status=201),
    summary="Make an agent",
    openapi_extra=documented(responses=CREATED),
)
def make(request: HttpRequest, body: Body[NewSetup]) -> HttpResponse:
    """It is not started. What is left out has its default."""
    caller = needs(request, CONFIGURE, DEFINE_COMMANDS)

    def act(_: str) -> HttpResponse:
        made = setup_edits.new(body)
        setups.save(made)
        audit.changed(caller, [made], f"Made by {audit.door(caller)}.", ADDITION)
        shape = shapes.agent_shape(the_agent(made.name))
        address = reverse("api:agent", args=[made.name])
        return JsonResponse(shape, status=201, headers={"Location": address})

    return once(request, caller, act)


@router.patch(
    "agents/{name}",
    response=answers(AgentOut, 404, 409, 412),
    summary="Change its set-up",
    openapi_extra={
        "parameters": revisions.documented(),
        "responses": {200: {"headers": revisions.HEADER}},
    },
)
def change(request: HttpRequest, name: str, body: Body[SetupChange]) -> dict[str, Any]:
    """What is left out stays, null is the default; nothing is restarted by it."""
    caller = needs(request, CONFIGURE)
    with transaction.atomic():
        stored = _set_up(_of_people(name, locked=True))
        revisions.check(request, stored)
        wanted = setup_edits.changed(stored, body)
        _check_rights(caller, setup_rights.command_fields(stored, wanted))
        if keys := setups.save(wanted):
            words = f"Changed {listed(keys, len(keys))} by {audit.door(caller)}."
            audit.changed(caller, [wanted], words)
        shape = shapes.agent_shape(the_agent(name))
    etags.tell(request, revisions.tag(wanted))
    return shape


@router.delete(
    "agents/{name}",
    response=answers(None, 404, 409, 412, status=204),
    summary="Delete it",
    openapi_extra={"parameters": revisions.documented()},
)
def delete(request: HttpRequest, name: str) -> Status[None]:
    """409 while it lives or others depend on it. Its runs and history stay."""
    caller = needs(request, CONFIGURE)
    with transaction.atomic():
        stored = _of_people(name, locked=True)
        revisions.check(request, stored)
        words = f"Deleted by {audit.door(caller)}."
        audit.changed(caller, [stored], words, DELETION)
        try:
            setups.delete(stored)
        except setups.CannotDelete as refusal:
            raise Problem(409, str(refusal)) from None
    return Status(204, None)


def _of_people(name: str, *, locked: bool = False) -> Agent:
    """The whole row; a Problem where there is none, or it is a part of the hub."""
    agents = Agent.objects.select_for_update() if locked else Agent.objects
    found = agents.filter(name=name).first()
    if found is None:
        peoples(the_agent(name))
        raise unknown("agent", name)
    return found


def _set_up(agent: Agent) -> Agent:
    """The same; a Problem if it was started elsewhere, and nobody sets it up."""
    if agent.external:
        raise Problem(
            409,
            f"{agent.name} was started elsewhere and says itself what it is: "
            "POST agents/register.",
        )
    return agent


def _check_rights(caller: Caller, keys: list[str]) -> None:
    if keys and not caller.may(DEFINE_COMMANDS):
        raise Problem(
            403,
            f"To change {listed(keys)} takes the right to define commands. "
            "What you may change can be sent without it.",
            errors=dict.fromkeys(keys, SAYS_WHAT_RUNS),
        )
