"""Batches: what was asked of many agents as one job, and what became of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents.admin import cells
from agents.admin.readonly import ReadOnly, ReadOnlyAdmin
from agents.models import Batch, BatchItem
from agents.models.choices import BatchStateChoice

if TYPE_CHECKING:
    ItemInline = admin.TabularInline[Any, Any]
else:
    ItemInline = admin.TabularInline


class BatchItemInline(ReadOnly, ItemInline):
    """An agent of a batch."""

    model = BatchItem
    fields = readonly_fields = (
        *("position", "agent_name", "state", "status", "detail"),
        *("request", "task", "begun_at", "ended_at"),
    )
    extra = 0
    can_delete = False
    verbose_name_plural = "agents"


class BatchAdmin(ReadOnlyAdmin):
    """Every batch, the latest first; its live page can cancel it."""

    list_display = ("number", "action", "whom", "shown_state", "created_by", "made")
    list_filter = ("state", "action")
    search_fields = ("created_by", "reason", "items__agent_name")
    inlines = (BatchItemInline,)
    fields = (
        *("live_page", "action", "ask", "whom", "shown_state", "at_once", "patience"),
        *("created_by", "via", "reason", "made", "ended_at"),
        *("cancel_asked_by", "cancel_asked_at", "cancel_reason"),
    )

    @admin.display(description="batch", ordering="id")
    def number(self, batch: Batch) -> str:
        """What it is called."""
        return str(batch.pk)

    @admin.display(description="live page")
    def live_page(self, batch: Batch) -> SafeString:
        """Where it can be followed and cancelled."""
        return format_html('<a href="{}">{}</a>', batch.get_absolute_url(), batch)

    @admin.display(description="state", ordering="state")
    def shown_state(self, batch: Batch) -> SafeString:
        """Where it is."""
        label = batch.get_state_display()
        if batch.state == BatchStateChoice.RUNNING:
            return cells.badge("starting", "item-begun", label)
        done = batch.state == BatchStateChoice.DONE
        return cells.badge("stopped", "check" if done else "item-cancelled", label)

    @admin.display(description="made", ordering="id")
    def made(self, batch: Batch) -> SafeString:
        """The time, in UTC."""
        return cells.moment(batch.created_at)
