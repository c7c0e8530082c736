"""The registry: every agent with what it is and can; the end of one from outside."""

from __future__ import annotations

from dataclasses import replace

from django.contrib import messages
from django.db import OperationalError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from agents.models import Agent
from agents.pages.answering import say, unanswered
from agents.pages.guards import PageRequest, around, needs
from agents.services import registry as services
from agents.services import tokens
from agents.services.permissions import OPERATE, VIEW
from agents.services.registry import NotOutside
from agents.services.registry_list import RegistryQuery, registry_page


@require_safe
@needs(VIEW)
def registry(request: PageRequest) -> HttpResponse:
    """The list, by name."""
    services.mark_silent()
    context = around(request)
    context["page"] = registry_page(RegistryQuery.parse(request.GET.dict()))
    return render(request, "agents/registry.html", context)


@require_POST
@needs(OPERATE)
def deregister(request: PageRequest, name: str) -> HttpResponse:
    """End the run of an agent that was started elsewhere, and free what it holds."""
    agent = get_object_or_404(Agent.objects.only("pk", "name"), name=name)
    caller = replace(tokens.of_user(request.user), via="page")
    level = messages.SUCCESS
    try:
        done = services.deregister(agent.pk, caller)
        text = f"{name} is deregistered, and what it held is free."
        if not done:
            text = f"{name} has no live run: there is nothing to end."
    except NotOutside as error:
        level, text = messages.WARNING, str(error)
    except OperationalError as error:
        level, text = messages.ERROR, unanswered(error)
    return say(request, text, level, reverse("agent", args=[name]))
