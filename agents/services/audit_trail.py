"""Who did what: the audit log and the requests as one list, the newest first.

An ask stands in both, as a line of the log and as its request; it is told once, as the
request, which knows what came of it. Reading only. Blocking.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from django.contrib.admin.models import ADDITION, DELETION, LogEntry
from django.db.models import QuerySet

from agents.models import Request

ASKED: Final = "Asked to "
_DONE: Final = {ADDITION: "added", DELETION: "deleted"}


class Place(NamedTuple):
    """How far a reader has come: the ids of the last request and the last line."""

    request: int
    entry: int


@dataclass(frozen=True, slots=True)
class Line:
    """One act. `via`: the door of a request, None where `detail` tells it.

    `outcome`: of a request, `open` while it has none; None of a change.
    """

    at: datetime
    actor: str
    via: str | None
    action: str
    object_type: str
    object: str
    detail: str
    outcome: str | None
    place: int


def newest(
    most: int, after: Place | None, actor: str = "", name: str = ""
) -> tuple[list[Line], Place | None]:
    """So many acts after a place, of this person and on what is named so, or of all;
    and the place after them, None at the end. Two queries."""
    requests = [_of_request(one) for one in _requests(after, actor, name)[: most + 1]]
    entries = [_of_entry(one) for one in _entries(after, actor, name)[: most + 1]]
    found = list(_merged(requests, entries))
    shown = found[:most]
    if len(found) == len(shown):
        return shown, None
    asked = [one.place for one in shown if one.outcome is not None]
    changed = [one.place for one in shown if one.outcome is None]
    begin = after or Place(_end(requests), _end(entries))
    return shown, Place(
        asked[-1] if asked else begin.request, changed[-1] if changed else begin.entry
    )


def _merged(requests: list[Line], entries: list[Line]) -> Iterator[Line]:
    """Each list in its own order, which is that of ids; between them by time."""
    left, right = list(reversed(requests)), list(reversed(entries))
    while left or right:
        first = not right or (bool(left) and left[-1].at >= right[-1].at)
        yield (left if first else right).pop()


def _end(lines: list[Line]) -> int:
    """Where none of a list has been told yet: just before its newest."""
    return lines[0].place + 1 if lines else 0


def _requests(after: Place | None, actor: str, name: str) -> QuerySet[Request]:
    rows = Request.objects.order_by("-pk")
    if after is not None:
        rows = rows.filter(pk__lt=after.request)
    if actor:
        rows = rows.filter(actor=actor)
    return rows.filter(agent_name=name) if name else rows


def _entries(after: Place | None, actor: str, name: str) -> QuerySet[LogEntry]:
    rows = LogEntry.objects.order_by("-pk").select_related("user", "content_type")
    rows = rows.exclude(
        content_type__app_label="agents",
        content_type__model="agent",
        change_message__startswith=ASKED,
    )
    if after is not None:
        rows = rows.filter(pk__lt=after.entry)
    if actor:
        rows = rows.filter(user__username=actor)
    return rows.filter(object_repr=name) if name else rows


def _of_request(one: Request) -> Line:
    outcome = one.outcome or "open"
    return Line(
        one.at,
        one.actor,
        one.via,
        one.action,
        "agent",
        one.agent_name,
        one.reason,
        outcome,
        one.pk,
    )


def _of_entry(one: LogEntry) -> Line:
    kind = one.content_type.model if one.content_type else ""
    return Line(
        one.action_time,
        one.user.get_username(),
        None,
        _DONE.get(one.action_flag, "changed"),
        kind,
        one.object_repr,
        one.get_change_message(),
        None,
        one.pk,
    )
