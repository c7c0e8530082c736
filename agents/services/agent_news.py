"""What programs are told of agents: all of them, or what changed between two places
of the change counter.

What may enter: the shapes that a follower is sent. Coalesced or not, and over a restart
of the hub, each line of the history is told once. Blocking.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import QuerySet

from agents.models import Agent, Change, StatusChange
from agents.services import changes
from agents.services.bulk import Among
from agents.services.shapes import agent_shape, status_change_shape

# Who has missed more than this is told how things are, not how they came to be so.
MOST_MISSED: Final = 5000
LATELY: Final = 20
# What no shape shows, and what is large.
_UNTOLD: Final = ("samples", "recent_exits", "env", "system_prompt", "run__setup")


@dataclass(frozen=True, slots=True)
class AgentNews:
    """What changed: agents by name as they are now, names of the deleted, the new
    lines of the history in order, and the tasks that changed."""

    changed: Mapping[str, dict[str, Any]]
    gone: tuple[str, ...] = ()
    history: tuple[dict[str, Any], ...] = ()
    tasks: frozenset[int] = frozenset()


def everyone() -> list[dict[str, Any]]:
    """All agents, by name."""
    return [agent_shape(one) for one in _agents().order_by("name")]


def one(name: str) -> dict[str, Any] | None:
    """One agent; None where there is none of this name."""
    agent = _agents().filter(name=name).first()
    return None if agent is None else agent_shape(agent)


def lately(name: str, upto: int) -> list[dict[str, Any]]:
    """The newest lines of an agent's history at that `seq`, oldest first."""
    known = _history().filter(agent_name=name, pk__lte=changes.history_at(upto))
    newest = known.order_by("-pk")[:LATELY]
    return [status_change_shape(line) for line in reversed(newest)]


def can_tell(after: int) -> bool:
    """Whether what changed since then is known, and not too much to tell."""
    if not changes.reaches(after):
        return False
    missed = StatusChange.objects.filter(pk__gt=changes.history_at(after))
    return missed.count() <= MOST_MISSED


def between(after: int, upto: int) -> AgentNews:
    """What changed after `after` and not after `upto`, as it is now."""
    rows = Change.objects.filter(seq__gt=after, seq__lte=upto)
    seen = set(rows.order_by().values_list("topic", "agent_id", "task_id", "gone"))
    # That a task changed changes nothing that an agent's shape shows.
    ids = {pk for topic, pk, *_ in seen if pk is not None and topic != changes.TASK}
    changed = {one.name: agent_shape(one) for one in _among(ids)}
    first, last = changes.history_at(after), changes.history_at(upto)
    lines = _history().filter(pk__gt=first, pk__lte=last) if last > first else ()
    return AgentNews(
        changed,
        # Another may have been made by the same name.
        tuple(sorted({name for *_, name in seen if name} - _existing(seen))),
        tuple(status_change_shape(line) for line in lines),
        frozenset(task for *_, task, _ in seen if task is not None),
    )


def _existing(seen: Iterable[tuple[Any, ...]]) -> set[str]:
    gone = {name for *_, name in seen if name}
    if not gone:
        return set()
    return set(Agent.objects.filter(name__in=gone).values_list("name", flat=True))


def _agents() -> QuerySet[Agent]:
    return Agent.objects.select_related("run").defer(*_UNTOLD)


def _among(ids: Iterable[int]) -> Iterable[Agent]:
    ids = tuple(ids)
    return _agents().filter(Among("pk", ids)).order_by("name") if ids else ()


def _history() -> QuerySet[StatusChange]:
    """Lines of people's agents, deleted ones included, in order."""
    theirs = StatusChange.objects.exclude(agent__internal=True)
    return theirs.select_related("run").defer("run__setup").order_by("pk")
