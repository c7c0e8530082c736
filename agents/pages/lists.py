"""The overview and the list of agents."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from agents.pages.guards import PageRequest, around, needs
from agents.services import overview as reading
from agents.services import schedules
from agents.services.agent_detail import lately
from agents.services.agent_list import ListQuery, list_page
from agents.services.permissions import VIEW


@require_safe
@needs(VIEW)
def overview(request: PageRequest) -> HttpResponse:
    """How the fleet is, who needs a person, and every agent as a tile."""
    context = around(request)
    fleet = reading.fleet()
    context |= {
        "overview": reading.overview(),
        "fleet": fleet,
        "lately": lately(),
        "schedules": schedules.view(),
        "newest_id": max((one.id for one in fleet), default=0),
    }
    return render(request, "agents/overview.html", context)


@require_safe
@needs(VIEW)
def agents(request: PageRequest) -> HttpResponse:
    """The list; htmx gets the part of it that a filter changes."""
    context = around(request)
    context["page"] = page = list_page(ListQuery.parse(request.GET.dict()))
    if request.htmx.target != "agent-list":
        return render(request, "agents/agents.html", context)
    response = render(request, "agents/_list.html", context)
    response["HX-Push-Url"] = request.path + page.query.address()
    return response
