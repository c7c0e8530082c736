"""The list of agents: searched, filtered, sorted and cut into pages.

What may enter: how a query string becomes a page of rows. An unknown word in it is
ignored, so that an old bookmark still opens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import Case, F, OrderBy, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Cast

from agents.models import Agent
from agents.models.choices import Kind, StatusChoice
from agents.services.overview import (
    BY_URGENCY,
    ROW_FIELDS,
    AgentRow,
    StatusCount,
    row,
    status_counts,
    troubled,
)

PER_PAGE: Final = 100
ATTENTION: Final = "attention"

# The columns that sort, and whether the first click shows the largest first.
COLUMNS: Final = {
    "name": ("name", False),
    "status": ("urgency", False),
    "since": ("status_since", True),
    "restarts": ("restarts_total", True),
    "cpu": ("cpu_percent", True),
    "memory": ("rss_bytes", True),
}


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What a query string asks for."""

    search: str = ""
    status: str = ""
    kind: str = ""
    label: str = ""
    sort: str = "name"
    page: int = 1

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> ListQuery:
        """The known words of a query string."""
        status, kind, sort = (
            given.get(name, "") for name in ("status", "kind", "sort")
        )
        page = given.get("page", "")
        return cls(
            search=given.get("q", "").strip()[:200],
            status=status if status in {*StatusChoice.values, ATTENTION} else "",
            kind=kind if kind in Kind.values else "",
            label=given.get("label", "")[:300],
            sort=sort if sort.removeprefix("-") in COLUMNS else "name",
            page=int(page) if page.isdecimal() and len(page) < 9 else 1,
        )

    def address(self) -> str:
        """The query string that asks for this, without what is the default."""
        words = {
            "q": self.search,
            "status": self.status,
            "kind": self.kind,
            "label": self.label,
            "sort": "" if self.sort == "name" else self.sort,
            "page": "" if self.page == 1 else str(self.page),
        }
        return "?" + urlencode({key: value for key, value in words.items() if value})

    @property
    def narrowed(self) -> bool:
        """Whether some agents are left out."""
        return bool(self.search or self.status or self.kind or self.label)


@dataclass(frozen=True, slots=True)
class Choice:
    """A link that changes one word of the query."""

    value: str
    label: str
    address: str
    chosen: bool
    count: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    """A heading that sorts: `direction` is the value of aria-sort, or empty."""

    key: str
    label: str
    address: str
    direction: str


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of the list and everything around it."""

    query: ListQuery
    rows: tuple[AgentRow, ...]
    found: int
    total: int
    first: int
    last: int
    previous: str
    next: str
    statuses: tuple[Choice, ...]
    kinds: tuple[Choice, ...]
    labels: tuple[Choice, ...]
    columns: tuple[Column, ...]
    newest_id: int
    # How many have the chosen label, whatever else the query asks for.
    group: int


def list_page(query: ListQuery) -> ListPage:
    """The agents that a query asks for, one page of them."""
    labelled = dict(Agent.objects.values_list("pk", "labels"))
    counts = status_counts()
    agents = _ordered(_filtered(query, labelled), query.sort).only(*ROW_FIELDS)
    paginator = Paginator(agents, PER_PAGE)
    page = paginator.get_page(query.page)
    query = replace(query, page=page.number)
    return ListPage(
        query=query,
        rows=tuple(row(agent) for agent in page.object_list),
        found=paginator.count,
        total=len(labelled),
        first=page.start_index(),
        last=page.end_index(),
        previous=_turned(query, -1) if page.has_previous() else "",
        next=_turned(query, 1) if page.has_next() else "",
        statuses=_statuses(query, counts, len(labelled)),
        kinds=_kinds(query),
        labels=_labels(query, labelled),
        columns=_columns(query),
        newest_id=max(labelled, default=0),
        group=len(_having(query.label, labelled)) if query.label else 0,
    )


def names_of(query: ListQuery) -> list[str]:
    """Every agent that a filter lets through, by name, whatever the page."""
    found = _filtered(query, dict(Agent.objects.values_list("pk", "labels")))
    return list(found.order_by("name").values_list("name", flat=True))


def _filtered(
    query: ListQuery, labelled: Mapping[int, dict[str, str]]
) -> QuerySet[Agent]:
    agents = Agent.objects.all()
    if query.status == ATTENTION:
        agents = troubled()
    elif query.status:
        agents = agents.filter(status=query.status)
    if query.kind:
        agents = agents.filter(kind=query.kind)
    if query.label:
        agents = agents.filter(pk__in=_having(query.label, labelled))
    return searched(agents, query.search)


def searched(agents: QuerySet[Agent], text: str) -> QuerySet[Agent]:
    """Those that have every word of a search in what a list shows of them."""
    for word in text.split():
        agents = agents.annotate(label_text=Cast("labels", TextField())).filter(
            Q(name__icontains=word)
            | Q(role__icontains=word)
            | Q(status_reason__icontains=word)
            | Q(label_text__icontains=word)
        )
    return agents


def labelled(label: str) -> list[int]:
    """The ids of the agents with this `key=value`."""
    return _having(label, dict(Agent.objects.values_list("pk", "labels")))


def _having(label: str, labelled: Mapping[int, dict[str, str]]) -> list[int]:
    """In Python: a label's name may hold what a JSON path would read otherwise."""
    key, _, value = label.partition("=")
    return [pk for pk, has in labelled.items() if has.get(key) == value]


def _ordered(agents: QuerySet[Agent], sort: str) -> QuerySet[Agent]:
    column, descending = COLUMNS[sort.removeprefix("-")][0], sort.startswith("-")
    if column == "urgency":
        agents = ranked(agents)
    # What has no value is last in both directions.
    order = OrderBy(F(column), descending=descending, nulls_last=True)
    return agents.order_by(order, "name")


def ranked(agents: QuerySet[Agent]) -> QuerySet[Agent]:
    """With their `urgency`: 0 is what a person should look at first."""
    ranks = [
        When(status=status.value, then=Value(rank))
        for rank, status in enumerate(BY_URGENCY)
    ]
    return agents.annotate(urgency=Case(*ranks, default=Value(len(ranks))))


def _turned(query: ListQuery, step: int) -> str:
    return replace(query, page=query.page + step).address()


def _statuses(
    query: ListQuery, counts: tuple[StatusCount, ...], total: int
) -> tuple[Choice, ...]:
    every = [
        ("", "All", total),
        *((one.status, one.label, one.count) for one in counts),
    ]
    return tuple(
        Choice(
            value,
            label,
            replace(query, status=value, page=1).address(),
            value == query.status,
            count,
        )
        for value, label, count in every
    )


def _kinds(query: ListQuery) -> tuple[Choice, ...]:
    every = [("", "Any kind"), *((value, str(label)) for value, label in Kind.choices)]
    return tuple(
        Choice(
            value,
            label,
            replace(query, kind=value, page=1).address(),
            value == query.kind,
        )
        for value, label in every
    )


def _labels(
    query: ListQuery, labelled: Mapping[int, dict[str, str]]
) -> tuple[Choice, ...]:
    there = {
        f"{key}={value}" for has in labelled.values() for key, value in has.items()
    }
    if query.label:
        there.add(query.label)
    return tuple(
        Choice(
            label,
            label,
            replace(query, label=label, page=1).address(),
            label == query.label,
        )
        for label in sorted(there)
    )


def _columns(query: ListQuery) -> tuple[Column, ...]:
    labels = {"cpu": "CPU"}
    found = []
    for key, (_, largest_first) in COLUMNS.items():
        by_this = query.sort.removeprefix("-") == key
        reverse = not query.sort.startswith("-") if by_this else largest_first
        address = replace(query, sort=f"-{key}" if reverse else key, page=1).address()
        direction = ""
        if by_this:
            direction = "descending" if query.sort.startswith("-") else "ascending"
        found.append(Column(key, labels.get(key, key.title()), address, direction))
    return tuple(found)
