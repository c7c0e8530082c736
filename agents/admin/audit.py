"""The audit log: who did what in the admin, and when."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents.admin import cells
from agents.admin.readonly import ReadOnlyAdmin


class LogEntryAdmin(ReadOnlyAdmin):
    """Django's own record of what people changed; agents' requests stand in it too."""

    list_display = ("when", "user", "kind", "what", "content_type", "message")
    list_display_links = None
    list_filter = (
        "action_flag",
        ("user", admin.RelatedOnlyFieldListFilter),
        ("content_type", admin.RelatedOnlyFieldListFilter),
        "action_time",
    )
    list_select_related = ("user", "content_type")
    search_fields = ("object_repr", "change_message", "user__username")
    search_help_text = "Search by object, message or person"
    fields = ("when", "user", "kind", "what", "content_type", "message")

    @admin.display(description="at", ordering="action_time")
    def when(self, entry: LogEntry) -> SafeString:
        """The time, in UTC."""
        return cells.moment(entry.action_time)

    @admin.display(description="action", ordering="action_flag")
    def kind(self, entry: LogEntry) -> SafeString:
        """Added, changed or deleted."""
        if entry.action_flag == ADDITION:
            return cells.badge("running", "check", "Added")
        if entry.action_flag == CHANGE:
            return cells.badge("starting", "restart", "Changed")
        return cells.badge("crashed", "kill", "Deleted")

    @admin.display(description="object", ordering="object_repr")
    def what(self, entry: LogEntry) -> SafeString:
        """A link to the object; only its name once it is deleted."""
        address = None if entry.is_deletion() else entry.get_admin_url()
        if address is None:
            return format_html("{}", entry.object_repr)
        return format_html('<a href="{}">{}</a>', address, entry.object_repr)

    @admin.display(description="what was done")
    def message(self, entry: LogEntry) -> SafeString:
        """In words."""
        return cells.cut(entry.get_change_message(), 200)
