"""Nodes: which machine has a supervisor, and since when it is silent."""

from __future__ import annotations

from typing import Final

from django.contrib import admin
from django.utils.safestring import SafeString

from agents.admin import cells
from agents.admin.readonly import ReadOnlyAdmin
from agents.models import Node
from agents.services import nodes

STATES: Final = {
    "degraded": ("backoff", "warning", "Waits for the database"),
    "left": ("stopped", "stopped", "Has left"),
    "present": ("running", "running", "Present"),
    "silent": ("unknown", "unknown", "Silent"),
}


class NodeAdmin(ReadOnlyAdmin):
    """A machine, as its supervisor reports it."""

    list_display = ("name", "state", "shown_pid", "epoch", "seen")
    search_fields = ("name",)
    fields = ("name", "state", "shown_pid", "epoch", "last", "until", "boot_id")

    @admin.display(description="supervisor")
    def state(self, node: Node) -> SafeString:
        """Whether it was heard of within its lease."""
        return cells.badge(*STATES[nodes.state(node)])

    @admin.display(description="pid")
    def shown_pid(self, node: Node) -> SafeString:
        """The supervisor's process."""
        return cells.number(node.pid)

    @admin.display(description="last seen")
    def last(self, node: Node) -> SafeString:
        """The time, in UTC."""
        return cells.moment(node.last_seen)

    @admin.display(description="lease until")
    def until(self, node: Node) -> SafeString:
        """When it counts as silent unless it is heard of again."""
        return cells.moment(node.lease)

    @admin.display(description="last seen", ordering="last_seen")
    def seen(self, node: Node) -> SafeString:
        """How long ago."""
        return cells.ago(node.last_seen)
