"""Agents by what programs look for: every condition has to hold.

What may enter: conditions that lists of agents share, as one query. Blocking.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import F, QuerySet

from agents.models import Agent
from agents.policy.states import ALIVE, Status
from agents.services.agent_list import searched

# Whether it lives, as far as is known, by the words of a query.
LIVES: Final = {"alive": "Alive", "unknown": "Nobody knows", "down": "Not alive"}
_OF_LIFE: Final = {
    "alive": ALIVE - {Status.UNKNOWN},
    "unknown": {Status.UNKNOWN},
    "down": set(Status) - ALIVE,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an agent has to have; empty: anything. `labels` are `key=value`; `life` is
    one of LIVES, `activity` what its live run says."""

    status: str = ""
    kind: str = ""
    node: str = ""
    role: str = ""
    capability: str = ""
    labels: Sequence[str] = ()
    search: str = ""
    life: str = ""
    activity: str = ""


def matching(wanted: Wanted) -> QuerySet[Agent]:
    """The agents of people that have it all, in no order."""
    agents = Agent.objects.all()
    for field in ("status", "kind", "node", "role"):
        if value := getattr(wanted, field):
            agents = agents.filter(**{field: value})
    if wanted.life:
        agents = agents.filter(status__in=[s.value for s in _OF_LIFE[wanted.life]])
    if wanted.activity:
        # What a run said that is over says nothing of this one.
        alive = [status.value for status in ALIVE]
        agents = agents.filter(
            activity=wanted.activity, heartbeat_run=F("run"), status__in=alive
        )
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
