"""Batches: the list, one with its progress, the form that makes one, and the cancel.

With htmx the form is a dialog of the open page, and a refusal comes back into it.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.db import OperationalError
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from agents.models import Agent, Batch
from agents.models.choices import BatchActionChoice
from agents.pages.actions import UNSUPERVISED, back_to
from agents.pages.answering import question, reason_of, say, unanswered
from agents.pages.guards import PageRequest, around, needs
from agents.pages.phases import phase
from agents.services import agent_list, batch_view, batches, overview
from agents.services.agent_list import ListQuery
from agents.services.batches import CannotBatch, Wanted
from agents.services.figures import counted
from agents.services.lifecycle import Asker
from agents.services.permissions import OPERATE, VIEW
from agents.services.tasks import Ask


@require_safe
@needs(VIEW)
def listing(request: PageRequest) -> HttpResponse:
    """The newest first, fifty on a page."""
    context = around(request)
    before = _number(request.GET.get("before", ""))
    rows, more = batch_view.newest(before)
    context |= {"batches": rows, "more": more, "first_page": before is None}
    return render(request, "agents/batches.html", context)


@require_safe
@needs(VIEW)
def one(request: PageRequest, number: int) -> HttpResponse:
    """How far it is, what became of each agent, and the report."""
    context = around(request)
    detail = batch_view.detail(number)
    if detail is None:
        raise Http404(f"there is no batch {number}")
    context["batch"] = detail
    return render(request, "agents/batch.html", context)


@needs(OPERATE)
def new(request: PageRequest) -> HttpResponse:
    """The form for the agents that are picked, or that a filter lets through."""
    names = request.POST.getlist("names")
    if request.method != "POST":
        names = agent_list.names_of(ListQuery.parse(request.GET.dict()))
    if not names:
        back = reverse("agents")
        return say(request, "No agents selected.", messages.WARNING, back)
    return _form(request, names, {"at_once": batches.AT_ONCE, "action": "restart"})


@require_POST
@needs(OPERATE)
def make(request: PageRequest) -> HttpResponse:
    """Record it; the answer is the way to its page."""
    names = list(dict.fromkeys(request.POST.getlist("names")))
    try:
        batch = batches.make(_wanted(request, names), _asker(request), request.user.pk)
    except CannotBatch as error:
        return _form(request, names, request.POST, str(error))
    except OperationalError as error:
        return _form(request, names, request.POST, unanswered(error, "recorded"))
    if not overview.supervision().present:
        messages.warning(request, UNSUPERVISED)
    address = batch.get_absolute_url()
    if request.htmx:
        return HttpResponseClientRedirect(address)
    return HttpResponseRedirect(address)


@require_POST
@needs(OPERATE)
def cancel(request: PageRequest, number: int) -> HttpResponse:
    """Begin nothing more of it."""
    level, text = messages.SUCCESS, f"Batch {number} begins nothing more."
    try:
        batches.cancel(number, _asker(request), request.user.pk)
    except Batch.DoesNotExist:
        raise Http404(f"there is no batch {number}") from None
    except OperationalError as error:
        level, text = messages.ERROR, unanswered(error, "recorded")
    return say(request, text, level, reverse("batch", args=[number]))


def _wanted(request: PageRequest, names: list[str]) -> Wanted:
    given = request.POST
    agents = list(Agent.objects.filter(name__in=names).order_by("name"))
    there = {agent.name for agent in agents}
    try:
        action = BatchActionChoice(given.get("action", ""))
        at_once = int(given.get("at_once", ""))
    except ValueError:
        raise CannotBatch("Choose what to do, and how many at once.") from None
    works = action == BatchActionChoice.ASK
    prompt = given.get("prompt", "").replace("\r\n", "\n")
    return Wanted(
        action,
        agents,
        ask=Ask(prompt, phase=phase(given)) if works else None,
        at_once=at_once,
        whom=counted(len(names), "agent"),
        unknown={
            one: f"There is no agent {one!r}." for one in names if one not in there
        },
        # The same form sent twice is one batch.
        key=given.get("key", "")[:100],
    )


def _asker(request: PageRequest) -> Asker:
    return Asker(request.user.get_username(), "page", reason_of(request))


def _form(
    request: PageRequest, names: list[str], given: Any, problem: str = ""
) -> HttpResponse:
    context = {
        "names": names,
        "given": given,
        "problem": problem,
        "actions": BatchActionChoice.choices,
        "most": batches.MOST_AT_ONCE,
        "key": request.POST.get("key") or uuid.uuid4().hex,
        "back": back_to(request, request.POST.get("next", ""), reverse("agents")),
    }
    status = 422 if problem else 200
    part = "agents/_batch_form.html"
    return question(request, "A batch", part, context, status=status)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and 0 < len(text) < 10 else None
