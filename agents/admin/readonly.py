"""What the supervisor and the services write: shown in the admin, never edited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.contrib.admin.options import BaseModelAdmin
from django.db.models import Model
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from agents.admin import cells

if TYPE_CHECKING:
    ReadOnlyModelAdmin = admin.ModelAdmin[Any]
    AgentInline = admin.TabularInline[Any, Any]
    AnyInlineFormSet = BaseInlineFormSet[Any, Any, Any]
    Options = BaseModelAdmin[Any]
else:
    ReadOnlyModelAdmin = admin.ModelAdmin
    AgentInline = admin.TabularInline
    AnyInlineFormSet = BaseInlineFormSet
    Options = object

LATEST: Final = 20


class ReadOnly(Options):
    """Nobody adds, changes or deletes, not even a superuser."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        """Nobody."""
        return False


class ReadOnlyAdmin(ReadOnly, ReadOnlyModelAdmin):
    """A table of records. It may be long: nothing is counted without need."""

    actions: Sequence[str] | None = None
    list_per_page = 50
    show_full_result_count = False


class OfAnAgent(ReadOnlyAdmin):
    """Rows that name an agent, which may be deleted by now."""

    @admin.display(description="agent", ordering="agent_name")
    def of_agent(self, record: Any) -> SafeString:
        """A link to the agent."""
        return cells.agent_link(record.agent_id, record.agent_name)


class LatestFormSet(AnyInlineFormSet):
    """The newest rows; takes nothing from the browser.

    So a form that was open while rows came or went can still be saved.
    """

    def __init__(self, data: object = None, files: object = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.new_objects = []
        self.changed_objects = []
        self.deleted_objects = []

    def get_queryset(self) -> Any:
        """At most LATEST of the agent's rows, in the model's own order."""
        if not hasattr(self, "_latest"):
            self._latest = list(super().get_queryset()[:LATEST])
        return self._latest

    def is_valid(self) -> bool:
        """There is nothing in it that could be wrong."""
        return True

    def save(self, commit: bool = True) -> list[Any]:
        """There is nothing in it to save."""
        return []


class LatestInline(ReadOnly, AgentInline):
    """The newest rows of one agent; their first column links to their own pages."""

    formset = LatestFormSet
    extra = 0
    max_num = 0
    can_delete = False
    classes = ("hub-latest",)
