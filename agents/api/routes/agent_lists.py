"""Lists of agents, and of what happened to one: its runs, history and requests."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query

from agents.api import etags
from agents.api.answers import answers
from agents.api.callers import needs, needs_for
from agents.api.chosen import the_agent
from agents.api.paging import Order, PageIn, PageOut, part
from agents.api.routes.of_agents import router as router
from agents.api.schemas.agent import AgentOut, RequestOut, RunOut, StatusChangeOut
from agents.api.schemas.lists import AgentsIn
from agents.models import Request, Run, StatusChange
from agents.services import agent_filter, registry, shapes
from agents.services.agent_filter import Wanted
from agents.services.agent_list import ranked

NEWEST = Order("id", descending=True, tie="id")


@router.get(
    "agents",
    response=answers(PageOut[AgentOut]),
    summary="The agents",
    openapi_extra=etags.tagged(),
)
def agents(request: HttpRequest, asked: Query[AgentsIn]) -> Any:
    """Those that match every filter, in pages."""
    needs(request)
    registry.mark_silent()
    wanted = Wanted(
        status=asked.status or "",
        kind=asked.kind or "",
        node=asked.node,
        role=asked.role,
        capability=asked.capability,
        labels=asked.label,
        search=asked.q,
        life=asked.life or "",
        activity=asked.activity or "",
    )
    rows = ranked(agent_filter.matching(wanted)).select_related("run")
    rows = rows.defer("env", "command", "samples", "recent_exits", "run__setup")
    found = part(rows, asked.order(), asked, "agents")
    items = [shapes.agent_shape(agent) for agent in found.rows]
    return etags.unless_known(request, {"items": items, "next": found.next})


@router.get(
    "agents/{name}/status",
    response=answers(AgentOut, 404),
    summary="One agent's status",
    openapi_extra=etags.tagged(),
)
def status(request: HttpRequest, name: str) -> Any:
    """The same as the agent itself."""
    needs_for(request, name)
    registry.mark_silent()
    return etags.unless_known(request, shapes.agent_shape(the_agent(name)))


@router.get(
    "agents/{name}/runs",
    response=answers(PageOut[RunOut], 404),
    summary="Its runs, the newest first",
    openapi_extra=etags.tagged(),
)
def runs(request: HttpRequest, name: str, asked: Query[PageIn]) -> Any:
    """One for each time its program was executed."""
    needs_for(request, name)
    rows = Run.objects.filter(agent=the_agent(name)).defer("setup")
    newest = Order("number", descending=True, tie="number")
    found = part(rows, newest, asked, f"runs {name}")
    items = [shapes.run_shape(run) for run in found.rows]
    return etags.unless_known(request, {"items": items, "next": found.next})


@router.get(
    "agents/{name}/history",
    response=answers(PageOut[StatusChangeOut], 404),
    by_alias=True,
    summary="Its changes of status, the newest first",
    openapi_extra=etags.tagged(),
)
def history(request: HttpRequest, name: str, asked: Query[PageIn]) -> Any:
    """From what to what, when, why, and who told."""
    needs_for(request, name)
    rows = StatusChange.objects.filter(agent=the_agent(name)).select_related("run")
    found = part(rows.defer("run__setup"), NEWEST, asked, f"history {name}")
    items = [shapes.status_change_shape(change) for change in found.rows]
    return etags.unless_known(request, {"items": items, "next": found.next})


@router.get(
    "agents/{name}/requests",
    response=answers(PageOut[RequestOut], 404),
    summary="What was asked of it, the newest first",
    openapi_extra=etags.tagged(),
)
def requests(request: HttpRequest, name: str, asked: Query[PageIn]) -> Any:
    """Who asked for what, through which door, and what came of it."""
    needs_for(request, name)
    rows = Request.objects.filter(agent=the_agent(name))
    found = part(rows, NEWEST, asked, f"requests {name}")
    items = [shapes.request_shape(one) for one in found.rows]
    return etags.unless_known(request, {"items": items, "next": found.next})
