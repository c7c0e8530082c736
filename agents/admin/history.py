"""What was asked and what happened: requests and changes of status."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents.admin import cells
from agents.admin.readonly import LatestInline, OfAnAgent
from agents.models import Request, StatusChange


class StatusChangeColumns:
    """How a change of status is shown, in both places."""

    @admin.display(description="at", ordering="id")
    def when(self, change: StatusChange) -> SafeString:
        """The time, in UTC."""
        return cells.moment(change.at)

    @admin.display(description="from")
    def was(self, change: StatusChange) -> SafeString:
        """The status before."""
        return cells.status_badge(change.from_status)

    @admin.display(description="to")
    def became(self, change: StatusChange) -> SafeString:
        """The status after; the same one for a note."""
        return cells.status_badge(change.to_status)

    @admin.display(description="reason")
    def short_reason(self, change: StatusChange) -> SafeString:
        """The beginning of the reason."""
        return cells.cut(change.reason, 100)

    @admin.display(description="run")
    def in_run(self, change: StatusChange) -> SafeString:
        """The run it belongs to."""
        if change.run is None:
            return cells.nothing()
        return cells.run_link(change.run.pk, change.run.number)


class StatusChangeInline(StatusChangeColumns, LatestInline):
    """The newest changes of status on the agent's page."""

    model = StatusChange
    fields = readonly_fields = (
        "linked_when",
        "was",
        "became",
        "short_reason",
        "source",
        "actor",
        "in_run",
    )
    verbose_name_plural = "latest changes of status"

    def get_queryset(self, request: HttpRequest) -> QuerySet[StatusChange]:
        """With their runs, in one query."""
        return super().get_queryset(request).select_related("run")

    @admin.display(description="at")
    def linked_when(self, change: StatusChange) -> SafeString:
        """The time, as a link to the whole line."""
        address = reverse("admin:agents_statuschange_change", args=[change.pk])
        return format_html('<a href="{}">{}</a>', address, cells.moment(change.at))


class RequestAdmin(OfAnAgent):
    """What was asked, by whom, and what became of it."""

    list_display = (
        "when",
        "of_agent",
        "action",
        "result",
        "actor",
        "via",
        "short_reason",
        "short_detail",
    )
    list_filter = ("action", "outcome", "at")
    search_fields = ("agent_name", "actor", "reason")
    search_help_text = "Search by agent, person or reason"
    fields = (
        "of_agent",
        "action",
        "result",
        "when",
        "actor",
        "via",
        "reason",
        "detail",
        "settled",
        "generation",
        "idempotency_key",
    )

    @admin.display(description="asked at", ordering="id")
    def when(self, request: Request) -> SafeString:
        """The time, in UTC."""
        return cells.moment(request.at)

    @admin.display(description="outcome", ordering="outcome")
    def result(self, request: Request) -> SafeString:
        """What became of it."""
        return cells.outcome_badge(request.outcome)

    @admin.display(description="settled at")
    def settled(self, request: Request) -> SafeString:
        """When its outcome was known."""
        return cells.moment(request.settled_at)

    @admin.display(description="reason")
    def short_reason(self, request: Request) -> SafeString:
        """The beginning of the reason."""
        return cells.cut(request.reason)

    @admin.display(description="detail")
    def short_detail(self, request: Request) -> SafeString:
        """The beginning of the detail."""
        return cells.cut(request.detail)


class StatusChangeAdmin(StatusChangeColumns, OfAnAgent):
    """The history."""

    list_display = (
        "when",
        "of_agent",
        "was",
        "became",
        "short_reason",
        "source",
        "actor",
        "in_run",
    )
    list_filter = ("to_status", "from_status", "at")
    list_select_related = ("run",)
    search_fields = ("agent_name", "reason", "actor")
    search_help_text = "Search by agent, reason or person"
    fields = (
        "of_agent",
        "was",
        "became",
        "when",
        "reason",
        "source",
        "actor",
        "in_run",
    )
