"""Locks: the page, and what a person does to those of others, with a reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.contrib import messages
from django.db import OperationalError
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from agents.models import FileLock
from agents.models.choices import ClaimStateChoice
from agents.pages.answering import question, reason_of, say, unanswered
from agents.pages.guards import PageRequest, around, needs
from agents.services import figures, lock_taking, lock_view
from agents.services import locks as services
from agents.services.lifecycle import Asker
from agents.services.lock_taking import AtWork, NoReason, Person
from agents.services.lock_view import ClaimView
from agents.services.locks import NotHeld
from agents.services.permissions import OPERATE, VIEW

OVER: Final = "This lock has ended already: there is nothing to {}."


@dataclass(frozen=True, slots=True)
class Act:
    """What a person does: its word, and how it is called by when it is done."""

    name: str
    done: str
    do: Callable[[int, Person], FileLock]

    def title(self, claim: ClaimView) -> str:
        """The question that is asked first."""
        if claim.waits:
            return f"Take {claim.agent} out of the queue?"
        return f"{self.name.capitalize()} the lock of {claim.agent}?"


STEAL: Final = Act("steal", "taken away", lock_taking.steal)
RELEASE: Final = Act("release", "released", lock_taking.release)


@require_safe
@needs(VIEW)
def locks(request: PageRequest) -> HttpResponse:
    """Who has which files, and who waits for whom."""
    services.end_leases()
    context = around(request)
    context["locks"] = lock_view.page()
    return render(request, "agents/locks.html", context)


@require_POST
@needs(OPERATE)
def steal(request: PageRequest, number: int) -> HttpResponse:
    """Take it away from who holds it, once that is confirmed."""
    return _confirmed(request, number, STEAL)


@require_POST
@needs(OPERATE)
def release(request: PageRequest, number: int) -> HttpResponse:
    """End what somebody has forgotten, or take a call out of the queue; likewise."""
    return _confirmed(request, number, RELEASE)


def _confirmed(request: PageRequest, number: int, act: Act) -> HttpResponse:
    if request.POST.get("confirmed") != "yes":
        return _ask(request, number, act)
    user = request.user
    asker = Asker(user.get_username(), "page", reason_of(request))
    level = messages.SUCCESS
    try:
        told = _told(act, act.do(number, Person(asker, user.pk, "a page")))
    except NoReason as error:
        return _ask(request, number, act, str(error))
    except FileLock.DoesNotExist:
        raise Http404(f"there is no lock {number}") from None
    except (NotHeld, AtWork) as error:
        level, told = messages.WARNING, str(error)
    except OperationalError as error:
        level, told = messages.ERROR, unanswered(error, "changed")
    return say(request, told, level, reverse("locks"))


def _ask(
    request: PageRequest, number: int, act: Act, problem: str = ""
) -> HttpResponse:
    claim = lock_view.of_lock(number)
    if claim is None:
        if not FileLock.objects.filter(pk=number).exists():
            raise Http404(f"there is no lock {number}")
        told = OVER.format(act.name)
        return say(request, told, messages.WARNING, reverse("locks"))
    context = {
        "claim": claim,
        "act": act,
        "title": act.title(claim),
        "problem": problem,
        "address": request.path,
        "back": reverse("locks"),
    }
    status = 422 if problem else 200
    part = "agents/_lock_confirm.html"
    return question(request, act.title(claim), part, context, status=status)


def _told(act: Act, lock: FileLock) -> str:
    claim = lock.claim
    if claim.state != ClaimStateChoice.ENDED:
        return f"Task {claim.task_id} is being interrupted; its lock goes with it."
    if claim.granted_at is None:
        return f"{claim.agent_name} is out of the queue."
    # What ended with the claim, and not what was let go of before.
    gone = claim.locks.filter(released_at=claim.ended_at)
    files = figures.listed(list(gone.values_list("pattern", flat=True)))
    return f"The lock of {claim.agent_name} on {files} is {act.done}."
