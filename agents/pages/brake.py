"""The fleet brake: the form that asks why, the pull, and the release.

With htmx the answer is a dialog or a line for the open page.
"""

from __future__ import annotations

from django.contrib import messages
from django.db import OperationalError
from django.http import HttpResponse, QueryDict
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from agents.pages.actions import back_to
from agents.pages.answering import question, reason_of, say, unanswered
from agents.pages.guards import PageRequest, needs
from agents.services import brake_pulls as services
from agents.services import brake_view
from agents.services.brake_pulls import CannotBrake, NotPulled, Pull
from agents.services.figures import counted
from agents.services.lifecycle import Asker
from agents.services.permissions import OPERATE


@require_safe
@needs(OPERATE)
def brake(request: PageRequest) -> HttpResponse:
    """The form: to pull it, or to release it."""
    context = {"brake": brake_view.view(), "back": _back(request, request.GET)}
    title = ("Release" if context["brake"] else "Pull") + " the fleet brake"
    return question(request, title, "agents/_brake_form.html", context)


@require_POST
@needs(OPERATE)
def pull(request: PageRequest) -> HttpResponse:
    """Pull it."""
    how = request.POST.get("how", "")
    wanted = Pull(
        stop=how in {"stop", "finish-stop"}, finish=how in {"finish", "finish-stop"}
    )
    try:
        found, new = services.pull(wanted, _asker(request), request.user.pk)
    except CannotBrake as error:
        return _say(request, str(error), messages.ERROR)
    except OperationalError as error:
        return _say(request, unanswered(error), messages.ERROR)
    if not new:
        text = f"It was pulled already, by {found.pulled_by}: nothing has changed."
        return _say(request, text, messages.WARNING)
    stopped, tasks = len(found.stopped), len(found.interrupted)
    text = (
        f"The fleet brake is pulled: {counted(stopped, 'agent')} stopped, "
        f"{counted(tasks, 'task')} interrupted. Nothing new begins."
    )
    return _say(request, text, messages.SUCCESS)


@require_POST
@needs(OPERATE)
def release(request: PageRequest) -> HttpResponse:
    """Release it."""
    go_on = request.POST.get("go_on") == "yes"
    try:
        services.release(_asker(request), go_on=go_on, user_id=request.user.pk)
    except (CannotBrake, NotPulled) as error:
        return _say(request, str(error), messages.ERROR)
    except OperationalError as error:
        return _say(request, unanswered(error), messages.ERROR)
    return _say(request, "The fleet brake is released.", messages.SUCCESS)


def _asker(request: PageRequest) -> Asker:
    return Asker(request.user.get_username(), "page", reason_of(request))


def _back(request: PageRequest, given: QueryDict) -> str:
    return back_to(request, given.get("next", ""), reverse("overview"))


def _say(request: PageRequest, text: str, level: int) -> HttpResponse:
    return say(request, text, level, _back(request, request.POST))
