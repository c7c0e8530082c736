"""Asking agents to start, stop, restart or die: POST only, confirmed where it ends.

With htmx the answer is a line for the open page; without, a redirect and a message.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.contrib import messages
from django.db import OperationalError
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from agents.models import Agent
from agents.pages.answering import question, reason_of, say, unanswered
from agents.pages.guards import PageRequest, needs
from agents.policy.dependencies import listed
from agents.policy.states import Action
from agents.services import agent_list, figures, lifecycle, outside, overview
from agents.services.lifecycle import Asked, Asker
from agents.services.permissions import OPERATE

ALREADY: Final = {
    Action.START: "running",
    Action.STOP: "stopped",
    Action.RESTART: "restarted",
    Action.KILL: "stopped",
}
CONFIRMED_FOR_ONE: Final = frozenset({Action.KILL})
CONFIRMED_FOR_MANY: Final = frozenset({Action.STOP, Action.KILL})
UNSUPERVISED: Final = (
    "No supervisor is running: the request is kept until `manage.py hub` is started."
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asked of which agents."""

    action: Action
    agents: tuple[tuple[int, str], ...]
    missing: tuple[str, ...]
    # Those among them that were started elsewhere, and are not asked.
    foreign: tuple[str, ...]
    # Where to send it again once it is confirmed, and where to go afterwards.
    address: str
    back: str

    @property
    def title(self) -> str:
        """The question that is asked first."""
        if len(self.agents) == 1:
            return f"{self.action.capitalize()} {self.agents[0][1]}?"
        return f"{self.action.capitalize()} {len(self.agents)} agents?"


@require_POST
@needs(OPERATE)
def act(request: PageRequest, name: str, action: str) -> HttpResponse:
    """One agent."""
    wanted = _action(action)
    agent = get_object_or_404(Agent.objects.only("pk", "name", "kind"), name=name)
    back = _back(request, reverse("agent", args=[name]))
    wish = _wish(wanted, [agent], (), request.path, back)
    return _answer(request, wish, confirm=wanted in CONFIRMED_FOR_ONE)


@require_POST
@needs(OPERATE)
def batch(request: PageRequest) -> HttpResponse:
    """Many agents, by `names`, or a group of any size by its `label`."""
    wanted = _action(request.POST.get("action", ""))
    names = list(dict.fromkeys(request.POST.getlist("names")))
    chosen = Q(name__in=names)
    if label := request.POST.get("label", ""):
        chosen |= Q(pk__in=agent_list.labelled(label))
    found = Agent.objects.filter(chosen).only("pk", "name", "kind").order_by("name")
    missing = sorted(set(names) - {agent.name for agent in found})
    back = _back(request, reverse("agents"))
    wish = _wish(wanted, found, missing, request.path, back)
    return _answer(request, wish, confirm=wanted in CONFIRMED_FOR_MANY)


def _wish(
    action: Action,
    agents: Iterable[Agent],
    missing: Iterable[str],
    address: str,
    back: str,
) -> Wish:
    found = list(agents)
    return Wish(
        action=action,
        agents=tuple((one.pk, one.name) for one in found if not one.external),
        missing=tuple(missing),
        foreign=tuple(one.name for one in found if one.external),
        address=address,
        back=back,
    )


def _answer(request: PageRequest, wish: Wish, *, confirm: bool) -> HttpResponse:
    if wish.foreign and not wish.agents:
        text = outside.refusal(listed(wish.foreign))
        return say(request, text, messages.WARNING, wish.back)
    if not wish.agents:
        return say(request, "No agents selected.", messages.WARNING, wish.back)
    if confirm and request.POST.get("confirmed") != "yes":
        return _confirmation(request, wish)
    asker = Asker(
        actor=request.user.get_username(),
        via="page",
        reason=reason_of(request),
    )
    try:
        asked = lifecycle.ask(wish.action, [pk for pk, _ in wish.agents], asker)
    except OperationalError as error:
        return say(request, unanswered(error, "asked"), messages.ERROR, wish.back)
    text = said(wish, asked)
    if not overview.supervision().present:
        text = f"{text} {UNSUPERVISED}"
        return say(request, text, messages.WARNING, wish.back)
    return say(request, text, messages.SUCCESS, wish.back)


def said(wish: Wish, asked: list[Asked]) -> str:
    """`Stop: 12 asked, 3 already stopped.`"""
    already = sum(one.already for one in asked)
    if len(asked) == 1 and not (wish.missing or wish.foreign):
        name = asked[0].name
        if already:
            return f"{name} is already {ALREADY[wish.action]}."
        return f"{name} was asked to {wish.action}."
    text = f"{wish.action.capitalize()}: {len(asked)} asked"
    if already:
        text += f", {already} already {ALREADY[wish.action]}"
    if wish.foreign:
        text += f", {listed(wish.foreign)} started elsewhere and left alone"
    if wish.missing:
        text += f", {figures.counted(len(wish.missing), 'name')} not found"
    return f"{text}."


def _confirmation(request: PageRequest, wish: Wish) -> HttpResponse:
    rows = overview.rows(pk for pk, _ in wish.agents)
    context = {"wish": wish, "rows": rows}
    return question(request, wish.title, "agents/_confirm.html", context)


def _action(word: str) -> Action:
    try:
        return Action(word)
    except ValueError:
        raise Http404(f"nothing is called {word!r}") from None


def _back(request: PageRequest, otherwise: str) -> str:
    return back_to(request, request.POST.get("next", ""), otherwise)


def back_to(request: PageRequest, back: str, otherwise: str) -> str:
    """Where a form says it came from, if that is an address of this hub."""
    allowed = url_has_allowed_host_and_scheme(
        back, {request.get_host()}, require_https=request.is_secure()
    )
    return back if allowed else otherwise
