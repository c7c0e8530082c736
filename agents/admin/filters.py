"""Filters of the list of agents that Django does not have."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest

from agents.models import Agent
from agents.policy.states import ALIVE

if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList

MOST_LABELS: Final = 100
RUNS_OLDER_SETUP: Final = Q(
    status__in=[status.value for status in ALIVE], run_revision__isnull=False
) & Q(run_revision__lt=F("launch_revision"))


def labels_of_all(request: HttpRequest) -> dict[int, set[str]]:
    """The labels of each agent, read once for a page: Django makes its filters anew
    for every count beside them.
    """
    kept: dict[str, Any] = vars(request)
    if "agent_labels" not in kept:
        kept["agent_labels"] = {
            pk: {f"{key}={value}" for key, value in labels.items()}
            for pk, labels in Agent.objects.order_by().values_list("pk", "labels")
        }
    found: dict[int, set[str]] = kept["agent_labels"]
    return found


class SetupFilter(admin.SimpleListFilter):
    """Whether an agent runs what its set-up says now."""

    title = "set-up"
    parameter_name = "setup"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        """Only the odd case is worth a click."""
        return [("older", "Runs older set-up")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Agent]
    ) -> QuerySet[Agent]:
        """Those that a restart would change."""
        return queryset.filter(RUNS_OLDER_SETUP) if self.value() else queryset


class LabelFilter(admin.SimpleListFilter):
    """One choice for each `key=value` that some agent has, the most used first.

    Matched in Python: a label's name may hold what a JSON path would read otherwise.
    """

    title = "label"
    parameter_name = "label"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        """The labels there are; the chosen one in any case."""
        self.labelled = labels_of_all(request)
        used = Counter(label for has in self.labelled.values() for label in has)
        shown = {label for label, _ in used.most_common(MOST_LABELS)}
        if chosen := self.value():
            shown.add(chosen)
        return [(label, label) for label in sorted(shown)]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Agent]
    ) -> QuerySet[Agent]:
        """The agents that have the chosen label."""
        chosen = self.value()
        if not chosen:
            return queryset
        return queryset.filter(
            pk__in=[pk for pk, has in self.labelled.items() if chosen in has]
        )

    def get_facet_queryset(self, changelist: ChangeList) -> dict[str, int]:
        """The counts, from one query for all labels."""
        rest = changelist.get_queryset(
            self.request, exclude_parameters=self.expected_parameters()
        )
        counts = Counter(
            label
            for pk in rest.order_by().values_list("pk", flat=True)
            for label in self.labelled.get(pk, ())
        )
        return {
            f"{at}__c": counts[label]
            for at, (label, _) in enumerate(self.lookup_choices)
        }
