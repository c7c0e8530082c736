"""Locks as records: what was asked for, by whom, until when and why it ended.

They are watched, stolen and released on a page of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents.admin import cells
from agents.admin.readonly import OfAnAgent, ReadOnly
from agents.models import FileLock, LockClaim
from agents.models.choices import ClaimStateChoice
from agents.services import figures

if TYPE_CHECKING:
    LockInline = admin.TabularInline[Any, Any]
else:
    LockInline = admin.TabularInline

STATES: Final = {
    ClaimStateChoice.WAITING: ("backoff", "activity-waiting"),
    ClaimStateChoice.HELD: ("running", "task-waiting_for_lock"),
    ClaimStateChoice.ENDED: ("stopped", "check"),
}


class FileLockInline(ReadOnly, LockInline):
    """One file or pattern of what was asked for."""

    model = FileLock
    fields = readonly_fields = ("pattern", "released_at")
    extra = 0
    can_delete = False
    classes = ("hub-latest",)
    verbose_name_plural = "files"


class LockClaimAdmin(OfAnAgent):
    """All that was asked for together, the latest first."""

    list_display = (
        *("asked", "of_agent", "short_task", "shown_state", "files", "short_reason"),
    )
    list_display_links = ("asked",)
    list_filter = ("state", "mode", "asked_at")
    search_fields = (
        *("agent_name", "locks__pattern", "space__path"),
        *("asked_by", "reason", "=task__id"),
    )
    search_help_text = "Search by agent, file, workspace, person, reason or task"
    inlines = (FileLockInline,)
    fields = (
        *("live_page", "of_agent", "shown_state", "space", "mode", "fence"),
        *("short_task", "in_run", "asked", "granted", "ended", "lease"),
        *("reason", "taken_by", "asked_by", "via"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[LockClaim]:
        """With what a line of the list says."""
        claims = super().get_queryset(request)
        claims = claims.select_related("space", "run").defer("run__setup")
        return claims.prefetch_related("locks")

    @admin.display(description="asked", ordering="id")
    def asked(self, claim: LockClaim) -> SafeString:
        """The time, in UTC."""
        return cells.moment(claim.asked_at)

    @admin.display(description="granted")
    def granted(self, claim: LockClaim) -> SafeString:
        """When it was."""
        return cells.moment(claim.granted_at)

    @admin.display(description="ended")
    def ended(self, claim: LockClaim) -> SafeString:
        """When the last of it ended."""
        return cells.moment(claim.ended_at)

    @admin.display(description="lease until")
    def lease(self, claim: LockClaim) -> SafeString:
        """Empty where it lives as long as its run."""
        return cells.moment(claim.expires_at)

    @admin.display(description="state", ordering="state")
    def shown_state(self, claim: LockClaim) -> SafeString:
        """Where it is."""
        state = ClaimStateChoice(claim.state)
        return cells.badge(*STATES[state], str(state.label))

    @admin.display(description="files")
    def files(self, claim: LockClaim) -> SafeString:
        """The first of them."""
        patterns = [one.pattern for one in claim.locks.all()]
        return cells.cut(figures.listed(patterns), 48)

    @admin.display(description="task", ordering="task")
    def short_task(self, claim: LockClaim) -> SafeString:
        """The page of the task that it was asked for."""
        if claim.task_id is None:
            return cells.nothing()
        address = reverse("task", args=[claim.task_id])
        return format_html('<a href="{}">task {}</a>', address, claim.task_id)

    @admin.display(description="run")
    def in_run(self, claim: LockClaim) -> SafeString:
        """The run that has or had it."""
        if claim.run is None:
            return cells.nothing()
        return cells.run_link(claim.run.pk, claim.run.number)

    @admin.display(description="why it ended")
    def short_reason(self, claim: LockClaim) -> SafeString:
        """The beginning of the reason."""
        return cells.cut(claim.reason)

    @admin.display(description="live page")
    def live_page(self, claim: LockClaim) -> SafeString:
        """Where those that stand are watched and taken away."""
        return format_html('<a href="{}">Locks</a>', reverse("locks"))
