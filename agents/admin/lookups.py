"""What the admin's lists may be filtered by, whatever an address asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest

if TYPE_CHECKING:
    AnyModelAdmin = admin.ModelAdmin[Any]
else:
    AnyModelAdmin = admin.ModelAdmin


class WithheldColumns(AnyModelAdmin):
    """Django lets an address filter a list by any column of its own table.

    So whoever may look at the list could guess a secret letter by letter, from
    whether its row is still there.
    """

    withheld: ClassVar[frozenset[str]] = frozenset()

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """As Django's, but never by a column that is withheld."""
        if lookup.partition("__")[0] in self.withheld:
            return False
        return bool(super().lookup_allowed(lookup, value, request))
