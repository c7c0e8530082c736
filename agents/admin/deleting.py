"""Deleting agents from the admin: one or many, and never one that is alive."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected as stock_delete_selected
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http import HttpResponseRedirect as Redirect
from django.urls import reverse
from django.utils.html import format_html

from agents.admin import cells
from agents.models import Agent
from agents.policy.states import Status
from agents.services import dependencies, figures, setups
from agents.services.setups import CannotDelete

if TYPE_CHECKING:
    AgentModelAdmin = admin.ModelAdmin[Agent]
else:
    AgentModelAdmin = admin.ModelAdmin

MOST_NAMED: Final = 10
# What the service will take, so that the page can say beforehand what it will not.
DELETABLE: Final = frozenset({Status.STOPPED, Status.CRASHED})


class DeletingAdmin(AgentModelAdmin):
    """The part of the AgentAdmin that deletes, through the service."""

    @admin.action(description="Delete selected agents…", permissions=["delete"])
    def delete_selected(
        self, request: HttpRequest, queryset: QuerySet[Agent]
    ) -> HttpResponse | None:
        """Bulk action: Django's own page to confirm it, then one by one."""
        if not request.POST.get("post"):
            return stock_delete_selected(self, request, queryset)
        deleted, refused = self.delete_each(request, list(queryset))
        if deleted:
            self.message_user(
                request,
                f"{figures.counted(deleted, 'agent')} deleted. Requests, runs and "
                "history stay.",
                messages.SUCCESS,
            )
        if refused:
            more = len(refused) - MOST_NAMED
            self.message_user(
                request,
                f"{figures.counted(len(refused), 'agent')} not deleted. "
                + " ".join(refused[:MOST_NAMED])
                + (f" And {more} more." if more > 0 else ""),
                messages.ERROR,
            )
        return None

    def delete_each(
        self, request: HttpRequest, agents: list[Agent]
    ) -> tuple[int, list[str]]:
        """How many were deleted, and why the others were not.

        Whoever depends on another one of them goes first.
        """
        deleted, refused = 0, []
        for agent in dependencies.dependents_first(agents):
            try:
                with transaction.atomic():
                    self.log_deletions(request, [agent])  # type: ignore[arg-type]
                    self.delete_model(request, agent)
            except CannotDelete as refusal:
                refused.append(str(refusal))
            except Agent.DoesNotExist:
                continue
            else:
                deleted += 1
        return deleted, refused

    def get_deleted_objects(
        self, objs: Iterable[Agent], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """The agents alone, with their statuses: nothing else goes with them."""
        agents = list(objs)
        shown = [
            format_html(
                "{} {} {}",
                cells.agent_link(agent.pk, agent.name),
                cells.status_badge(agent.status),
                "" if Status(agent.status) in DELETABLE else "It stays: stop it first.",
            )
            for agent in agents
        ]
        lacking = set() if self.has_delete_permission(request) else {"agent"}
        return shown, {"agents": len(agents)}, lacking, []

    def delete_model(self, request: HttpRequest, obj: Agent) -> None:
        """By the service, which refuses what is alive."""
        setups.delete(obj)

    def delete_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Django's own, with a refusal said on the agent's page."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except CannotDelete as refusal:
            # The transaction is rolled back, and the audit log's line with it.
            self.message_user(request, f"Not deleted: {refusal}", messages.ERROR)
        except Agent.DoesNotExist:
            self.message_user(request, "It is deleted already.", messages.WARNING)
            return Redirect(reverse("admin:agents_agent_changelist"))
        return Redirect(reverse("admin:agents_agent_change", args=[object_id]))
