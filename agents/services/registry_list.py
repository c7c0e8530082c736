"""The registry: every agent with what it is and can, and whether it lives.

What may enter: how a query string becomes a page of rows. An unknown word in it is
ignored, so that an old bookmark still opens.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.urls import reverse

from agents.models import Agent
from agents.models.choices import ActivityChoice, Kind, StatusChoice
from agents.services import agent_filter, agent_health, figures, shapes
from agents.services.agent_filter import LIVES, Wanted
from agents.services.agent_health import SaidView
from agents.services.figures import Stamp

PER_PAGE: Final = 100
ROW_FIELDS: Final = (
    "id",
    "name",
    "kind",
    "role",
    "labels",
    "capabilities",
    "node",
    "status",
    "status_since",
    "status_reason",
    "status_source",
    "run",
    "started_at",
    "heartbeat_run",
    "last_heartbeat_at",
    "activity",
    "activity_note",
)


@dataclass(frozen=True, slots=True)
class Record:
    """One agent. `source`: how its status is known; `heard`: its latest heartbeat."""

    id: int
    name: str
    url: str
    kind: str
    node: str
    role: str
    labels: tuple[str, ...]
    capabilities: tuple[str, ...]
    status: str
    status_label: str
    since: Stamp
    reason: str
    source: str
    said: SaidView | None
    heard: Stamp | None


@dataclass(frozen=True, slots=True)
class RegistryQuery:
    """What a query string asks for; empty: anything."""

    q: str = ""
    life: str = ""
    kind: str = ""
    role: str = ""
    capability: str = ""
    label: str = ""
    node: str = ""
    activity: str = ""
    page: int = 1

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> RegistryQuery:
        """The known words of a query string."""
        words = {
            one.name: given.get(one.name, "").strip()[:300].replace("\0", "")
            for one in fields(cls)
        }
        page = words.pop("page")
        for name, known in _KNOWN.items():
            if words[name] not in known:
                words[name] = ""
        number = int(page) if page.isdecimal() and len(page) < 9 else 1
        return cls(**words, page=number)

    def address(self) -> str:
        """The query string that asks for this, without what is the default."""
        words = {one.name: str(getattr(self, one.name)) for one in fields(self)}
        if self.page == 1:
            del words["page"]
        return "?" + urlencode({key: value for key, value in words.items() if value})

    @property
    def narrowed(self) -> bool:
        """Whether some agents are left out."""
        return replace(self, page=1) != RegistryQuery()


_KNOWN: Final[Mapping[str, Collection[str]]] = {
    "life": tuple(LIVES),
    "kind": Kind.values,
    "activity": ActivityChoice.values,
}


@dataclass(frozen=True, slots=True)
class Filter:
    """One select: its options are values and labels, `chosen` is one of the values."""

    name: str
    label: str
    options: tuple[tuple[str, str], ...]
    chosen: str


@dataclass(frozen=True, slots=True)
class RegistryPage:
    """One page of the registry and everything around it."""

    query: RegistryQuery
    rows: tuple[Record, ...]
    filters: tuple[Filter, ...]
    found: int
    total: int
    first: int
    last: int
    previous: str
    next: str
    newest_id: int


def registry_page(query: RegistryQuery) -> RegistryPage:
    """The agents that a query asks for, by name, one page of them."""
    wanted = Wanted(
        kind=query.kind,
        node=query.node,
        role=query.role,
        capability=query.capability,
        labels=[query.label] if query.label else (),
        search=query.q,
        life=query.life,
        activity=query.activity,
    )
    agents = agent_filter.matching(wanted).only(*ROW_FIELDS).order_by("name")
    paginator = Paginator(agents, PER_PAGE)
    page = paginator.get_page(query.page)
    query = replace(query, page=page.number)
    known = list(
        Agent.objects.values_list("pk", "role", "capabilities", "labels", "node")
    )
    return RegistryPage(
        query=query,
        rows=tuple(_record(agent) for agent in page.object_list),
        filters=tuple(_filters(query, known)),
        found=paginator.count,
        total=len(known),
        first=page.start_index(),
        last=page.end_index(),
        previous=_turned(query, -1) if page.has_previous() else "",
        next=_turned(query, 1) if page.has_next() else "",
        newest_id=max((row[0] for row in known), default=0),
    )


def records(ids: Iterable[int]) -> list[Record]:
    """These agents; what is gone is left out."""
    found = Agent.objects.filter(pk__in=list(ids)).only(*ROW_FIELDS)
    return [_record(agent) for agent in found]


def beats(ids: Iterable[int]) -> dict[int, datetime | None]:
    """When these gave their latest heartbeat, which is no news by itself."""
    found = Agent.objects.filter(pk__in=list(ids))
    return dict(found.values_list("pk", "last_heartbeat_at"))


def _record(agent: Agent) -> Record:
    return Record(
        id=agent.pk,
        name=agent.name,
        url=reverse("agent", args=[agent.name]),
        kind=Kind(agent.kind).label,
        node=agent.node,
        role=agent.role,
        labels=tuple(f"{key}={value}" for key, value in sorted(agent.labels.items())),
        capabilities=tuple(agent.capabilities),
        status=agent.status,
        status_label=StatusChoice(agent.status).label,
        since=figures.stamp(agent.status_since),
        reason=agent.status_reason,
        source=agent.status_source,
        said=agent_health.said_view(agent),
        heard=figures.stamp_or_none(shapes.last_heartbeat(agent)),
    )


def _turned(query: RegistryQuery, step: int) -> str:
    return replace(query, page=query.page + step).address()


_Known = tuple[int, str, list[str], dict[str, str], str]


def _filters(query: RegistryQuery, known: Iterable[_Known]) -> Iterable[Filter]:
    rows = list(known)
    yield _fixed("life", "Any liveness", LIVES.items(), query)
    kinds = [(value, str(label)) for value, label in Kind.choices]
    yield _fixed("kind", "Any kind", kinds, query)
    yield _found("role", "Any role", (row[1] for row in rows), query)
    capabilities = (one for row in rows for one in row[2])
    yield _found("capability", "Any capability", capabilities, query)
    labels = (f"{key}={value}" for row in rows for key, value in row[3].items())
    yield _found("label", "Any label", labels, query)
    yield _found("node", "Any node", (row[4] for row in rows), query)
    activities = [(value, str(label)) for value, label in ActivityChoice.choices]
    yield _fixed("activity", "Any activity", activities, query)


def _found(
    name: str, label: str, values: Iterable[str], query: RegistryQuery
) -> Filter:
    """With what there is, and what was asked for."""
    there = {*values, getattr(query, name)} - {""}
    return _fixed(name, label, [(one, one) for one in sorted(there)], query)


def _fixed(
    name: str, label: str, options: Iterable[tuple[str, str]], query: RegistryQuery
) -> Filter:
    return Filter(name, label, tuple(options), getattr(query, name))
