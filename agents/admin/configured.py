"""What is written by those who may configure agents, and read by who may look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

from agents.services.permissions import CONFIGURE, VIEW

if TYPE_CHECKING:
    AnyModelAdmin = admin.ModelAdmin[Any]
else:
    AnyModelAdmin = admin.ModelAdmin


class WrittenByConfigurators(AnyModelAdmin):
    """Who may configure agents writes, who may look at them reads."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may look at agents."""
        return request.user.has_perm(VIEW)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Who may configure agents."""
        return request.user.has_perm(CONFIGURE)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may configure agents."""
        return request.user.has_perm(CONFIGURE)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may configure agents."""
        return request.user.has_perm(CONFIGURE)
