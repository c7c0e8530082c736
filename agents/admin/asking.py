"""Start, stop, restart and kill from the admin: bulk actions and POST buttons.

Both end in one place: permission, confirmation where something ends, the service,
the audit log, and a message with counts. Nothing is done here but asking.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme

from agents.admin import cells
from agents.admin.forms import AskForm
from agents.models import Agent
from agents.policy import dependencies
from agents.policy.clock import Moment
from agents.policy.states import Action, Status
from agents.services import figures, lifecycle, outside, overview
from agents.services.lifecycle import Asked, Asker
from agents.services.permissions import OPERATE, VIEW

if TYPE_CHECKING:
    AgentModelAdmin = admin.ModelAdmin[Agent]
else:
    AgentModelAdmin = admin.ModelAdmin

# These end something: what they will end is shown first.
CONFIRMED: Final = frozenset({Action.STOP, Action.KILL})
ALREADY: Final = {
    Action.START: "running",
    Action.STOP: "stopped",
    Action.RESTART: "restarted",
    Action.KILL: "stopped",
}
BUTTONS: Final = tuple(Action)


class AskingAdmin(AgentModelAdmin):
    """The part of the AgentAdmin that asks for things."""

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Who may ask; `permissions=["operate"]` of the actions looks here."""
        return request.user.has_perms([VIEW, OPERATE])

    @admin.action(description="Start selected agents", permissions=["operate"])
    def start(self, request: HttpRequest, queryset: QuerySet[Agent]) -> HttpResponse:
        """Bulk action."""
        return self.answer_list(request, Action.START, queryset)

    @admin.action(description="Stop selected agents…", permissions=["operate"])
    def stop(self, request: HttpRequest, queryset: QuerySet[Agent]) -> HttpResponse:
        """Bulk action."""
        return self.answer_list(request, Action.STOP, queryset)

    @admin.action(description="Restart selected agents", permissions=["operate"])
    def restart(self, request: HttpRequest, queryset: QuerySet[Agent]) -> HttpResponse:
        """Bulk action."""
        return self.answer_list(request, Action.RESTART, queryset)

    @admin.action(description="Kill selected agents…", permissions=["operate"])
    def kill(self, request: HttpRequest, queryset: QuerySet[Agent]) -> HttpResponse:
        """Bulk action."""
        return self.answer_list(request, Action.KILL, queryset)

    def get_urls(self) -> list[URLPattern]:
        """The address of the buttons, before Django's catch-all of ids."""
        view: Callable[..., Any] = self.admin_site.admin_view(self.ask_view)
        return [
            path("ask/<str:wish>/", view, name="agents_agent_ask"),
            *super().get_urls(),
        ]

    def ask_view(self, request: HttpRequest, wish: str) -> HttpResponse:
        """A button of the change form, or a confirmed wish. POST only."""
        if not self.has_operate_permission(request):
            raise PermissionDenied("Asking agents to start or stop needs permission.")
        if wish not in set(Action):
            raise Http404(f"Nothing is called {wish!r}.")
        if request.method != "POST":
            # Somebody who signed in again on the way: they choose anew.
            return HttpResponseRedirect(reverse("admin:agents_agent_changelist"))
        form = AskForm(request.POST)
        back = _address_back(request)
        if not form.is_valid():
            for texts in form.errors.values():
                self.message_user(request, " ".join(map(str, texts)), messages.ERROR)
            return HttpResponseRedirect(back)
        agents = self.get_queryset(request).filter(pk__in=form.cleaned_data["agents"])
        return self.answer(request, Action(wish), agents, form, back)

    def answer_list(
        self, request: HttpRequest, action: Action, queryset: QuerySet[Agent]
    ) -> HttpResponse:
        """A bulk action of the list."""
        form = AskForm(request.POST)
        if not form.is_valid():
            form = AskForm({})
            form.is_valid()
        return self.answer(request, action, queryset, form, request.get_full_path())

    def answer(
        self,
        request: HttpRequest,
        action: Action,
        queryset: QuerySet[Agent],
        form: AskForm,
        back: str,
    ) -> HttpResponse:
        """Ask, or show first what asking will do."""
        agents = list(queryset.order_by("name"))
        if not agents:
            self.message_user(
                request, "None of these agents is there any more.", messages.WARNING
            )
            return HttpResponseRedirect(back)
        if foreign := [agent.name for agent in agents if agent.external]:
            text = outside.refusal(dependencies.listed(foreign))
            self.message_user(request, text, messages.WARNING)
            agents = [agent for agent in agents if not agent.external]
        if not agents:
            return HttpResponseRedirect(back)
        if action in CONFIRMED and form.cleaned_data["post"] != "yes":
            return self.confirmation(request, action, agents, back)
        reason = form.cleaned_data["reason"].strip()
        try:
            asked = ask(request, action, agents, reason)
        except OperationalError as error:
            text = f"The database does not answer ({error}). Nothing was asked."
            self.message_user(request, text, messages.ERROR)
            return HttpResponseRedirect(back)
        self.message_user(request, said(action, asked), messages.SUCCESS)
        self.warn_if_unsupervised(request)
        return HttpResponseRedirect(back)

    def confirmation(
        self, request: HttpRequest, action: Action, agents: list[Agent], back: str
    ) -> TemplateResponse:
        """What the wish will do to each agent, and a field for the reason."""
        counted = figures.counted(len(agents), "agent")
        wish = {"agents": ",".join(str(a.pk) for a in agents), "next": back}
        context = {
            **self.admin_site.each_context(request),
            "title": f"{action.capitalize()} {counted}?",
            "opts": self.opts,
            "media": self.media,
            "action": action,
            "form": AskForm(initial={**wish, "post": "yes"}),
            "effects": [
                (
                    agent,
                    cells.status_badge(agent.status),
                    cells.number(agent.pid),
                    effect(action, agent),
                )
                for agent in agents
            ],
            "already": sum(agent.status == Status.STOPPED for agent in agents),
            "back": back,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(
            request, "admin/agents/agent/ask_confirmation.html", context
        )

    def warn_if_unsupervised(self, request: HttpRequest) -> None:
        """Say so when nobody is there to act on a request."""
        if not overview.supervision().present:
            self.message_user(
                request,
                "No supervisor is running. The requests are kept, and acted on as "
                "soon as one is: start `manage.py hub`.",
                messages.WARNING,
            )


def _address_back(request: HttpRequest) -> str:
    """Where the form came from, if that is an address of this hub."""
    back = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(
        back, {request.get_host()}, require_https=request.is_secure()
    ):
        return back
    return reverse("admin:agents_agent_changelist")


def ask(
    request: HttpRequest, action: Action, agents: list[Agent], reason: str
) -> list[Asked]:
    """Record the requests, and one line in the audit log for each agent."""
    asker = Asker(actor=request.user.get_username(), via="admin", reason=reason)
    assert request.user.pk is not None
    made = Moment.now()
    with transaction.atomic():
        asked = lifecycle.ask(action, [agent.pk for agent in agents], asker, made)
        there = {one.agent_id for one in asked}
        LogEntry.objects.log_actions(
            user_id=request.user.pk,
            queryset=[agent for agent in agents if agent.pk in there],
            action_flag=CHANGE,
            change_message=f"Asked to {action}" + (f": {reason}" if reason else "."),
        )
    return asked


def said(action: Action, asked: list[Asked]) -> str:
    """The message to whoever asked: "Stop: 12 asked, 3 already stopped"."""
    already = sum(one.already for one in asked)
    if len(asked) != 1:
        so = f", {already} already {ALREADY[action]}" if already else ""
        return f"{action.capitalize()}: {len(asked)} asked{so}."
    # The admin capitalises messages: a name must not come first.
    name = asked[0].name
    if already:
        return f"{action.capitalize()}: {name} is already {ALREADY[action]}."
    return f"{action.capitalize()}: {name} was asked."


def effect(action: Action, agent: Agent) -> str:
    """What a stop or a kill will do to this agent, in words."""
    status = Status(agent.status)
    if status is Status.STOPPED:
        return "Already stopped: nothing happens."
    if status is Status.CRASHED:
        return "Nothing runs. It will count as stopped."
    if status is Status.BACKOFF:
        return "Nothing runs. The restart it waits for is called off."
    if status is Status.UNKNOWN:
        return "Nobody watches it. It is done when its supervisor is back."
    what = (
        figures.counted(agent.processes, "process", "processes")
        if agent.processes
        else "all its processes"
    )
    if action is Action.KILL:
        return f"Ends {what} at once, by KILL. Unsaved work is lost."
    signal = agent.stop_signal.upper().removeprefix("SIG")
    if signal == "KILL":
        return f"Ends {what} at once, by KILL, its stop signal."
    return (
        f"Sends {signal}. After {figures.seconds(agent.stop_grace)} KILL ends "
        f"whatever is left of {what}."
    )
