"""How a page answers what a person does: with a question first, or with a line.

With htmx that goes into the open page; without, it is a page, or a redirect to one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.contrib import messages
from django.db import OperationalError
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from agents.pages.guards import PageRequest

MOST_REASON: Final = 500


def reason_of(request: PageRequest) -> str:
    """Why a person does it; empty if they do not say."""
    return request.POST.get("reason", "").strip()[:MOST_REASON]


def unanswered(error: OperationalError, done: str = "done") -> str:
    """What is told when nothing could be `done`."""
    return f"The database does not answer ({error}). Nothing was {done}; try again."


def question(
    request: PageRequest,
    title: str,
    part: str,
    context: Mapping[str, Any],
    *,
    status: int = 200,
) -> HttpResponse:
    """A form that asks: `part` in the dialog of the open page, or on a page of its own.

    `status` is that of the page; htmx puts in only what is called a success.
    """
    if not request.htmx:
        around = {**context, "title": title, "part": part}
        return render(request, "agents/question.html", around, status=status)
    response = render(request, part, dict(context))
    response["HX-Retarget"] = "#dialog-body"
    return response


def say(request: PageRequest, text: str, level: int, back: str) -> HttpResponse:
    """A line on the open page; without htmx on the page `back`."""
    if not request.htmx:
        messages.add_message(request, level, text)
        return HttpResponseRedirect(back)
    context = {"message": text, "level": messages.DEFAULT_TAGS[level]}
    response = render(request, "agents/_flash.html", context)
    response["HX-Retarget"] = "#flash"
    return response
