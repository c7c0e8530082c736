"""Agents by what programs look for: every condition has to hold.

What may enter: conditions that lists of agents share, as one query. Blocking.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from agents.models import Agent
from agents.services.agent_list import searched


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an agent has to have; empty: anything. `labels` are `key=value`."""

    status: str = ""
    kind: str = ""
    node: str = ""
    role: str = ""
    capability: str = ""
    labels: Sequence[str] = ()
    search: str = ""


def matching(wanted: Wanted) -> QuerySet[Agent]:
    """The agents of people that have it all, in no order."""
    agents = Agent.objects.all()
    for field in ("status", "kind", "node", "role"):
        if value := getattr(wanted, field):
            agents = agents.filter(**{field: value})
    if wanted.capability or wanted.labels:
        agents = agents.filter(pk__in=_having(wanted))
    return searched(agents, wanted.search)


def _having(wanted: Wanted) -> list[int]:
    """In Python: a label's name may hold what a JSON path would read otherwise."""
    pairs = [label.partition("=")[::2] for label in wanted.labels]
    rows = Agent.objects.values_list("pk", "labels", "capabilities")
    return [
        pk
        for pk, labels, capabilities in rows
        if all(labels.get(key) == value for key, value in pairs)
        and (not wanted.capability or wanted.capability in capabilities)
    ]
