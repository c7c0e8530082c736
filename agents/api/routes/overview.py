"""The hub as a whole: counts, nodes, providers, tokens and money."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Count
from django.http import HttpRequest
from ninja import Query, Router

from agents.api import etags
from agents.api.answers import answers
from agents.api.callers import needs
from agents.api.chosen import the_agents
from agents.api.paging import Order, PageIn, PageOut, part
from agents.api.problems import invalid
from agents.api.schemas.overview import (
    NodeOut,
    ProviderOut,
    SummaryOut,
    UsageIn,
    UsageOut,
)
from agents.models import Agent, Node, Provider
from agents.services import budgets, nodes, shapes, usage

router = Router()
BY_NAME = Order("name", tie="name")


@router.get(
    "summary",
    response=answers(SummaryOut),
    summary="The counts over all agents",
    openapi_extra=etags.tagged(),
)
def summary(request: HttpRequest) -> Any:
    """How many agents are how, and whether a supervisor looks after them."""
    needs(request)
    # The lock tells at once; a lease still holds for seconds after a `kill -9`.
    there = {"supervisor_running": nodes.is_there(nodes.LOCAL)}
    return etags.unless_known(request, shapes.summary_shape() | there)


@router.get(
    "nodes",
    response=answers(PageOut[NodeOut]),
    summary="The nodes",
    openapi_extra=etags.tagged(),
)
def machines(request: HttpRequest, asked: Query[PageIn]) -> Any:
    """The machines that have had a supervisor, and whether it was heard of."""
    needs(request)
    found = part(Node.objects.all(), BY_NAME, asked, "nodes")
    counts = dict(
        Agent.objects.order_by()
        .values_list("node")
        .annotate(Count("pk"))
        .filter(node__in=[one.name for one in found.rows])
    )
    items = [shapes.node_shape(one, counts.get(one.name, 0)) for one in found.rows]
    return etags.unless_known(request, {"items": items, "next": found.next})


@router.get(
    "providers",
    response=answers(PageOut[ProviderOut]),
    summary="The providers",
    openapi_extra=etags.tagged(),
)
def providers(request: HttpRequest, asked: Query[PageIn]) -> Any:
    """Where native agents ask models, and what the last test found; no keys."""
    needs(request)
    found = part(Provider.objects.all(), BY_NAME, asked, "providers")
    items = [shapes.provider_shape(one) for one in found.rows]
    return etags.unless_known(request, {"items": items, "next": found.next})


@router.get(
    "usage",
    response=answers(UsageOut),
    by_alias=True,
    summary="Tokens and money",
    openapi_extra=etags.tagged(),
)
def used(request: HttpRequest, asked: Query[UsageIn]) -> Any:
    """What was used by agent, model and day, and how the budgets stand."""
    needs(request)
    names = list(dict.fromkeys(asked.agent))
    known = usage.known_names(names)
    if names:
        known |= {agent.name for agent in _there(names, known)}
    last = usage.today()
    report = usage.report(last - timedelta(asked.days - 1), last, names)
    standings = [one for one in budgets.standings() if not names or one.agent in known]
    return etags.unless_known(request, shapes.usage_shape(report, standings))


def _there(names: list[str], known: set[str]) -> list[Agent]:
    """Those that exist; a Problem for a name under which nothing was ever used."""
    chosen = the_agents(names, None)
    strange = [text for name, text in chosen.unknown.items() if name not in known]
    if strange:
        raise invalid({"agent": strange[0]})
    return list(chosen.agents)
