"""The list of tasks, and one task: its state, its transcript, and what it says now."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from agents.models import Step
from agents.pages.guards import PageRequest, around, needs
from agents.policy.live_text import Live
from agents.services import live_answers, task_detail, transcript
from agents.services.live_answers import Heard, Place
from agents.services.logs import default_log_store
from agents.services.permissions import VIEW
from agents.services.task_list import TaskQuery, task_page

ORDERS: Final = ("newest", "oldest")


@dataclass(frozen=True, slots=True)
class Shown:
    """Up to where the page shows the task; `live` is None while nothing is said."""

    step: int
    run: int
    offset: int
    thinks: bool
    live: Live | None


@require_safe
@needs(VIEW)
def tasks(request: PageRequest) -> HttpResponse:
    """The list, the newest first."""
    context = around(request)
    context["page"] = task_page(TaskQuery.parse(request.GET.dict()))
    return render(request, "agents/tasks.html", context)


@require_safe
@needs(VIEW)
def task(request: PageRequest, number: int) -> HttpResponse:
    """Everything about one task; `before` a step: what came earlier."""
    context = around(request)
    before = _number(request.GET.get("before", ""))
    # First the steps: what is committed after them is sent when the page is open.
    page = transcript.page(number, before)
    detail = task_detail.detail(number)
    if detail is None:
        raise Http404(f"there is no task {number}")
    order = request.GET.get("order", "")
    order = order if order in ORDERS else ORDERS[0]
    follows = before is None
    place = _place(number, page.last) if follows else None
    context |= {
        "task": detail,
        "steps": page.steps if order == "oldest" else page.steps[::-1],
        "earlier": page.earlier,
        "first": page.steps[0].number if page.steps else 0,
        "order": order,
        "follows": follows,
        "place": place,
        "live": place.live if place else None,
        "ask_address": reverse("agent-ask", args=[detail.row.agent]),
        "ask_key": uuid.uuid4().hex,
    }
    return render(request, "agents/task.html", context)


@require_safe
@needs(VIEW)
def step(request: PageRequest, number: int, step: int) -> HttpResponse:
    """All of a step whose beginning is on the page, as text."""
    found = get_object_or_404(Step, task=number, number=step)
    return HttpResponse(
        transcript.text_of(found), content_type="text/plain; charset=utf-8"
    )


def _place(task_id: int, last: int) -> Shown:
    """An answer may become a step after the steps were read: then it is in neither,
    and comes with the first look of the open page."""
    source = live_answers.source_of(task_id)
    if not source.run:
        return Shown(last, 0, 0, False, None)
    try:
        heard = live_answers.current(default_log_store(), source)
    except (OSError, ValueError):
        heard = Heard(Live("", ""), True, Place())
    place = heard.place
    return Shown(last, source.run, place.offset, place.thinks, heard.live)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and 0 < len(text) < 10 else None
