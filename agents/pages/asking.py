"""Asking agents for work, and a word in it: POST only. What is refused says why.

With htmx a refusal is a line on the open page, so that nothing typed is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.contrib import messages
from django.db import OperationalError
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRedirect

from agents.models import Agent, Task
from agents.pages.answering import say, unanswered
from agents.pages.guards import PageRequest, needs
from agents.pages.phases import phase
from agents.services import overview
from agents.services import tasks as services
from agents.services.lifecycle import Asker
from agents.services.permissions import OPERATE
from agents.services.tasks import Ask, CannotAsk, CannotChange

KEPT: Final = "No supervisor is running: it is kept until `manage.py hub` is started."


@require_POST
@needs(OPERATE)
def ask(request: PageRequest, name: str) -> HttpResponse:
    """A task for an agent; the answer is the way to its page."""
    agent = get_object_or_404(Agent.objects.only("pk", "name"), name=name)
    try:
        wanted = _wanted(request)
        task, _ = services.ask(agent.pk, wanted, _asker(request))
    except CannotAsk as error:
        return _refused(request, name, str(error))
    except OperationalError as error:
        return _refused(request, name, unanswered(error, "recorded"))
    if not overview.supervision().present:
        messages.warning(request, KEPT)
    address = task.get_absolute_url()
    if request.htmx:
        return HttpResponseClientRedirect(address)
    return HttpResponseRedirect(address)


@require_POST
@needs(OPERATE)
def cancel(request: PageRequest, number: int) -> HttpResponse:
    """End a task."""

    def do() -> str:
        task = services.cancel(number, _asker(request))
        if services.finished(task):
            return f"Task {number} is {task.get_state_display().lower()}."
        return f"Task {number} is being cancelled."

    return _done(request, number, do)


@require_POST
@needs(OPERATE)
def go_on(request: PageRequest, number: int) -> HttpResponse:
    """Let an interrupted task go on from its last step."""

    def do() -> str:
        services.go_on(number, _asker(request))
        return f"Task {number} goes on from its last step."

    return _done(request, number, do)


@require_POST
@needs(OPERATE)
def answer(request: PageRequest, number: int) -> HttpResponse:
    """Answer what the agent has asked."""

    def do() -> str:
        services.answer(number, _text(request, "text"), _asker(request))
        return "Your answer was recorded."

    return _done(request, number, do)


def _wanted(request: PageRequest) -> Ask:
    given = request.POST
    priority = given.get("priority", "").strip() or "0"
    try:
        urgency = int(priority)
    except ValueError:
        raise CannotAsk(f"A priority is a whole number, not {priority!r}.") from None
    follows = given.get("follows", "")
    if follows and not (follows.isdecimal() and len(follows) < 19):
        raise CannotAsk("There is no such task to go on from.")
    paths = [line.strip() for line in _text(request, "paths").split("\n")]
    return Ask(
        prompt=_text(request, "prompt"),
        paths=[path for path in paths if path],
        priority=urgency,
        # The same form sent twice asks once.
        idempotency_key=given.get("key", "")[: services.LONGEST_KEY],
        follows=int(follows) if follows else None,
        phase=phase(given),
    )


def _text(request: PageRequest, name: str) -> str:
    """What was typed; forms send the ends of lines in a way of their own."""
    return request.POST.get(name, "").replace("\r\n", "\n")


def _asker(request: PageRequest) -> Asker:
    return Asker(actor=request.user.get_username(), via="page")


def _refused(request: PageRequest, name: str, problem: str) -> HttpResponse:
    if request.htmx:
        return say(request, problem, messages.ERROR, request.path)
    context: dict[str, Any] = {
        "name": name,
        "problem": problem,
        "given": request.POST,
        "address": request.path,
        "ask_key": request.POST.get("key", ""),
        "follows": request.POST.get("follows", ""),
        "back": reverse("agent", args=[name]),
    }
    return render(request, "agents/ask.html", context, status=422)


def _done(request: PageRequest, number: int, do: Callable[[], str]) -> HttpResponse:
    level = messages.SUCCESS
    try:
        text = do()
    except Task.DoesNotExist:
        raise Http404(f"there is no task {number}") from None
    except CannotChange as error:
        level, text = messages.ERROR, str(error)
    except OperationalError as error:
        level, text = messages.ERROR, unanswered(error, "recorded")
    if level == messages.SUCCESS and not overview.supervision().present:
        level, text = messages.WARNING, f"{text} {KEPT}"
    return say(request, text, level, reverse("task", args=[number]))
