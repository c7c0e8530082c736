"""Barriers as records. They are met at, and reset, on a page of their own."""

from __future__ import annotations

from agents.admin.readonly import ReadOnlyAdmin


class BarrierAdmin(ReadOnlyAdmin):
    """Nobody changes one here."""

    list_display = ("name", "parties", "on_failure", "generation", "created_by")
    search_fields = ("name",)
    fields = (
        *("name", "parties", "members", "timeout", "on_failure", "generation"),
        *("generation_at", "created_by", "created_at"),
    )
