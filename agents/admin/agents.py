"""The agent in the admin: its list, its page, and what saving a set-up means."""

from __future__ import annotations

from typing import Any, Final, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet, TextField, Value
from django.db.models.functions import Cast, Replace
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from agents.admin import notation
from agents.admin.asking import BUTTONS, CONFIRMED, AskingAdmin
from agents.admin.cloning import initial_of_clone
from agents.admin.deleting import DeletingAdmin
from agents.admin.filters import LabelFilter, SetupFilter
from agents.admin.forms import AgentForm
from agents.admin.history import StatusChangeInline
from agents.admin.lookups import WithheldColumns
from agents.admin.observed import AgentColumns, AgentRows
from agents.admin.readonly import LatestInline
from agents.admin.runs import RunInline
from agents.admin.setup_fieldsets import COMMAND, READ_INSTEAD, fieldsets
from agents.models import Agent
from agents.models.choices import SET_UP_KINDS, Kind
from agents.models.setup_fields import LAUNCH_FIELDS
from agents.policy.states import ALIVE, Status
from agents.services import setups
from agents.services.overview import SENSIBLE
from agents.services.permissions import CONFIGURE, DEFINE_COMMANDS, VIEW

NEEDS_A_COMMAND: Final = (
    "A new agent needs a command, and yours may not set one: that needs the "
    "permission “Can set commands, environments and directories”. Ask an "
    "administrator for it."
)


class AgentAdmin(AgentColumns, AgentRows, AskingAdmin, DeletingAdmin, WithheldColumns):
    """Who may look, looks; who may configure, edits; who may operate, asks."""

    withheld = frozenset({"env"})
    form = AgentForm
    actions = ("start", "stop", "restart", "kill", "delete_selected")
    list_display = (
        "name",
        "shown_status",
        "since",
        "short_reason",
        "restarts",
        "shown_pid",
        "kind",
        "role",
        "shown_labels",
        "cpu",
        "memory",
    )
    list_filter = (
        "status",
        "desired_state",
        SetupFilter,
        LabelFilter,
        "auto_restart",
        "kind",
    )
    list_per_page = 50
    show_facets = admin.ShowFacets.ALWAYS
    search_fields = ("name", "role", "status_reason", "labels_text")
    search_help_text = "Search by name, role, label (team=search) or reason"

    def has_view_permission(
        self, request: HttpRequest, obj: Agent | None = None
    ) -> bool:
        """Who may look."""
        return request.user.has_perm(VIEW)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A new agent needs a command, so it needs both."""
        return request.user.has_perms([CONFIGURE, DEFINE_COMMANDS])

    def has_change_permission(
        self, request: HttpRequest, obj: Agent | None = None
    ) -> bool:
        """Who may configure; the command needs more, see `get_readonly_fields`. An
        agent that was started elsewhere says itself what it is."""
        return request.user.has_perm(CONFIGURE) and not (obj and obj.external)

    def has_delete_permission(
        self, request: HttpRequest, obj: Agent | None = None
    ) -> bool:
        """Who may configure."""
        return request.user.has_perm(CONFIGURE)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Agent]:
        """Without the curves, which only the live pages draw."""
        return super().get_queryset(request).defer("samples", "recent_exits")

    def get_inlines(
        self, request: HttpRequest, obj: Agent | None
    ) -> tuple[type[LatestInline], ...]:
        """What happened to it; nothing has to a new one."""
        return () if obj is None else (RunInline, StatusChangeInline)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Agent], search_term: str
    ) -> tuple[QuerySet[Agent], bool]:
        """Labels are found as they are written: `team=search`."""
        if search_term:
            text = Cast("labels", TextField())
            written = Replace(text, Value('": "'), Value("="), output_field=TextField())
            queryset = queryset.annotate(labels_text=written)
        return super().get_search_results(request, queryset, search_term)

    def get_fieldsets(self, request: HttpRequest, obj: Agent | None = None) -> Any:
        """The set-up, below what is seen of an agent that exists."""
        read_only = self.read_only_setup(request, obj)
        return fieldsets(obj, kind_of(request, obj), read_only=read_only)

    def read_only_setup(
        self, request: HttpRequest, obj: Agent | None
    ) -> frozenset[str]:
        """The set-up's fields that this person may read and not write."""
        if obj is None:
            return frozenset()
        if not self.has_change_permission(request, obj):
            return frozenset(READ_INSTEAD)
        if not request.user.has_perm(DEFINE_COMMANDS):
            return COMMAND
        return frozenset()

    def get_readonly_fields(
        self, request: HttpRequest, obj: Agent | None = None
    ) -> list[str]:
        """Everything that is seen, and what this person may not write.

        A field that is named here is not in the form at all: a forged POST of it
        changes nothing.
        """
        if obj is None:
            return []
        shown = [name for name in dir(AgentRows) if not name.startswith("_")]
        denied = self.read_only_setup(request, obj)
        return ["name", "kind", "shown_status", "revision", "made", *shown, *denied]

    def get_form(
        self,
        request: HttpRequest,
        obj: Agent | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> type[AgentForm]:
        """The form for this person."""
        form = cast("type[AgentForm]", super().get_form(request, obj, change, **kwargs))
        form.may_define_commands = request.user.has_perm(DEFINE_COMMANDS)
        form.kind = kind_of(request, obj)
        return form

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Empty, or a copy of the agent named by `?clone=`."""
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        return initial | initial_of_clone(request.GET.get("clone", ""))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Django's own; a 403 that says why, and no 500 if a set-up just broke."""
        if object_id is None and not self.has_add_permission(request):
            configures = self.has_change_permission(request)
            raise PermissionDenied(
                NEEDS_A_COMMAND if configures else "Adding agents needs permission."
            )
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except ValidationError as error:
            # Valid a moment ago: a directory or a name has gone in between.
            self.message_user(request, " ".join(error.messages), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        except Agent.DoesNotExist:
            self.message_user(request, "Somebody has just deleted it.", messages.ERROR)
            return HttpResponseRedirect(reverse("admin:agents_agent_changelist"))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """With the buttons that this person may press."""
        agent: Agent | None = context.get("original")
        if agent is None and kind_of(request, None) == Kind.NATIVE_LLM:
            context["title"] = "Add native agent"
        if agent is not None:
            context["buttons"] = self.buttons(request, agent)
            if self.has_add_permission(request) and not agent.external:
                add = reverse("admin:agents_agent_add")
                context["clone_url"] = f"{add}?clone={agent.pk}"
        return super().render_change_form(request, context, *args, **kwargs)

    def buttons(self, request: HttpRequest, agent: Agent) -> list[dict[str, Any]]:
        """One for each action; those that make no sense now are quiet, not gone."""
        if not self.has_operate_permission(request) or agent.external:
            return []
        sensible = SENSIBLE[Status(agent.status)]
        return [
            {
                "action": action.value,
                "label": action.capitalize() + ("…" if action in CONFIRMED else ""),
                "url": reverse("admin:agents_agent_ask", args=[action.value]),
                "sensible": action in sensible,
            }
            for action in BUTTONS
        ]

    def save_model(
        self, request: HttpRequest, obj: Agent, form: Any, change: bool
    ) -> None:
        """By the service; a running agent goes on with what it was started with."""
        changed = setups.save(obj)
        relaunch = not set(changed).isdisjoint(LAUNCH_FIELDS)
        if change and relaunch and Status(obj.status) in ALIVE:
            self.message_user(
                request,
                f"Saved, but {obj.name} runs the older set-up until it is restarted. "
                "Press Restart to make it run the new one.",
                messages.WARNING,
            )
        if odd := notation.shell_words(form.cleaned_data.get("command")):
            self.message_user(
                request,
                f"Mind that {' and '.join(odd)} will be given to the program as it "
                "stands, because a command never passes a shell. If a shell is meant, "
                "write: sh -c '…'",
                messages.WARNING,
            )


def kind_of(request: HttpRequest, agent: Agent | None) -> Kind:
    """The agent's kind; that of a new one is its source's, or named by `?kind=`."""
    if agent is not None:
        return Kind(agent.kind)
    source = initial_of_clone(request.GET.get("clone", ""))
    named = source.get("kind") or request.GET.get("kind")
    return Kind(named) if named in SET_UP_KINDS else Kind.PROCESS_WRAPPER
