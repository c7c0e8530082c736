"""Barriers: the page, the form that makes one, a reset with its reason, and an end."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.contrib.admin.models import ADDITION, CHANGE, DELETION
from django.contrib.auth.models import User
from django.db import OperationalError, transaction
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from agents.models import Barrier
from agents.pages.answering import question, reason_of, say, unanswered
from agents.pages.guards import PageRequest, around, needs
from agents.services import audit, barrier_view, tokens
from agents.services import barriers as services
from agents.services.barriers import BadBarrier, StillMet
from agents.services.permissions import OPERATE, VIEW


@require_http_methods(["GET", "HEAD"])
@needs(VIEW)
def barriers(request: PageRequest) -> HttpResponse:
    """Each with who is here and who is missing."""
    return _page(request)


@require_POST
@needs(OPERATE)
def make(request: PageRequest) -> HttpResponse:
    """A new one; what has to be changed is said beside the form."""
    try:
        name = _made(request)
    except BadBarrier as error:
        return _page(request, error)
    except OperationalError as error:
        messages.error(request, unanswered(error, "changed"))
        return _page(request, status=503)
    messages.success(request, f"The barrier {name} is there.")
    return HttpResponseRedirect(reverse("barriers"))


@require_POST
@needs(OPERATE)
def reset(request: PageRequest, name: str) -> HttpResponse:
    """Begin a new round, once that is confirmed."""
    barrier = get_object_or_404(Barrier, name=name)
    reason = reason_of(request)

    def do() -> str:
        told = services.reset(name, request.user.get_username(), reason)
        words = "Reset on the page" + (f": {reason}" if reason else ".")
        audit.changed(_caller(request), [barrier], words, CHANGE)
        return f"{name} is at round {told.generation}."

    return _confirmed(request, barrier, "reset", do)


@require_POST
@needs(OPERATE)
def delete(request: PageRequest, name: str) -> HttpResponse:
    """With all its rounds, once that is confirmed."""
    barrier = get_object_or_404(Barrier, name=name)

    def do() -> str:
        audit.changed(_caller(request), [barrier], "Deleted on the page.", DELETION)
        services.delete(name)
        return f"{name} is deleted."

    return _confirmed(request, barrier, "delete", do)


def _page(
    request: PageRequest, error: BadBarrier | None = None, status: int = 200
) -> HttpResponse:
    context = around(request)
    context |= {
        "barriers": barrier_view.page(),
        "problem": error,
        "given": request.POST,
    }
    code = 422 if error else status
    return render(request, "agents/barriers.html", context, status=code)


def _made(request: PageRequest) -> str:
    given = request.POST
    words = given.get("parties", "").replace(",", " ").split()
    parties = int(words[0]) if _is_number(words) else words
    timeout = given.get("timeout", "").strip()
    try:
        seconds = float(timeout) if timeout else None
    except ValueError:
        told = "A timeout is a number of seconds, or nothing."
        raise BadBarrier(told, "timeout") from None
    with transaction.atomic():
        barrier, new = services.make(
            given.get("name", "").strip(),
            parties,
            by=request.user.get_username(),
            timeout=seconds,
            on_failure=given.get("on_failure", "break"),
        )
        if new:
            audit.changed(_caller(request), [barrier], "Made on the page.", ADDITION)
    return barrier.name


def _is_number(words: list[str]) -> bool:
    return len(words) == 1 and words[0].isdecimal() and len(words[0]) < 9


def _confirmed(
    request: PageRequest, barrier: Barrier, act: str, do: Callable[[], str]
) -> HttpResponse:
    back = reverse("barriers")
    if request.POST.get("confirmed") != "yes":
        context = {"barrier": barrier, "act": act, "back": back}
        title = f"{act.capitalize()} {barrier.name}?"
        return question(request, title, "agents/_barrier_confirm.html", context)
    level = messages.SUCCESS
    try:
        with transaction.atomic():
            told = do()
    except Barrier.DoesNotExist:
        raise Http404(f"there is no barrier {barrier.name}") from None
    except StillMet as error:
        level, told = messages.WARNING, str(error)
    except OperationalError as error:
        level, told = messages.ERROR, unanswered(error, "changed")
    return say(request, told, level, back)


def _caller(request: PageRequest) -> tokens.Caller:
    assert isinstance(request.user, User)
    return tokens.of_user(request.user)
