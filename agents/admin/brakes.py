"""The fleet brake: who pulled it, when and why, and who released it."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString

from agents.admin import cells
from agents.admin.readonly import ReadOnlyAdmin
from agents.models import Brake
from agents.policy.dependencies import listed


class BrakeAdmin(ReadOnlyAdmin):
    """Every pull, the latest first."""

    list_display = ("state", "pulled_by", "since", "short_reason", "until")
    search_fields = ("pulled_by", "reason", "released_by", "release_reason")
    fields = (
        *("state", "pulled_by", "via", "since", "reason"),
        *("stops", "interrupts", "agents_stopped", "tasks_interrupted"),
        *("released_by", "until", "release_reason", "went_on"),
    )

    @admin.display(description="brake", ordering="pulled")
    def state(self, brake: Brake) -> SafeString:
        """Whether it holds now."""
        if brake.pulled:
            return cells.badge("crashed", "brake", "Pulled")
        return cells.badge("stopped", "check", "Released")

    @admin.display(description="pulled", ordering="pulled_at")
    def since(self, brake: Brake) -> SafeString:
        """The time, in UTC."""
        return cells.moment(brake.pulled_at)

    @admin.display(description="released", ordering="released_at")
    def until(self, brake: Brake) -> SafeString:
        """The time, in UTC."""
        return cells.moment(brake.released_at)

    @admin.display(description="reason")
    def short_reason(self, brake: Brake) -> SafeString:
        """The beginning of the reason."""
        return cells.cut(brake.reason, 100)

    @admin.display(description="agents it stopped")
    def agents_stopped(self, brake: Brake) -> str:
        """By name."""
        return listed([one["name"] for one in brake.stopped]) or "none"

    @admin.display(description="tasks it interrupted")
    def tasks_interrupted(self, brake: Brake) -> str:
        """By number."""
        return listed([str(one) for one in brake.interrupted]) or "none"
