"""The change counter: one row appended for each recorded change, read by `seq`."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, Final

from django.db import connection
from django.db.models import Max
from django.utils import timezone

from agents.models import Change, StatusChange
from agents.services.bulk import insert_many

# What is wanted of an agent, what is set up for it (or that it is gone), what its
# supervisor sees of it, that somebody else calls it unknown, and that it gave a
# sign of life at another door. That a task of an agent's has changed, a lock, or some
# barrier, which is of no one agent, as are the fleet brake and batches.
REQUEST: Final = "request"
SETUP: Final = "setup"
AGENT: Final = "agent"
SILENCE: Final = "silence"
HEARTBEAT: Final = "heartbeat"
TASK: Final = "task"
LOCK: Final = "lock"
BARRIER: Final = "barrier"
BRAKE: Final = "brake"
BATCH: Final = "batch"
# Of no news to a supervisor: what it wrote itself.
BY_OTHERS: Final = (REQUEST, SETUP, SILENCE, HEARTBEAT, TASK, BRAKE)
KEEP: Final = timedelta(days=1)
# How long a commit may be missed by a look at the files alone (seconds).
LOOK_ANYWAY: Final = 0.5


_Row = tuple[int, str, int | None]


@dataclass(frozen=True, slots=True)
class News:
    """What changed after a given `seq`: the new last seq, agent ids by topic.

    `agents` are all of them; `foreign` those whose rows others than the supervisor
    have changed, beyond what is wanted; `tasks` those that have a task which changed,
    and `task_ids` these tasks. `hub`: the topics of what is of no agent.
    """

    seq: int
    agents: frozenset[int]
    requests: frozenset[int]
    foreign: frozenset[int]
    tasks: frozenset[int] = frozenset()
    task_ids: frozenset[int] = frozenset()
    hub: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.agents or self.requests or self.task_ids or self.hub)


def append(topic: str, agent_ids: Iterable[int], gone: str = "") -> None:
    """Add a row for each agent; inside the transaction of the change itself, and after
    its lines of the history. `gone`: the name of one that has just been deleted."""
    ids = tuple(agent_ids)
    if not ids:
        return
    now, history = timezone.now(), _newest_history()
    columns = ("topic", "agent_id", "history", "gone", "at")
    insert_many(Change, columns, [(topic, pk, history, gone, now) for pk in ids])


def append_task(agent_id: int | None, task_id: int) -> None:
    """Add a row for a task; inside the transaction of the change itself."""
    now, history = timezone.now(), _newest_history()
    columns = ("topic", "agent_id", "task_id", "history", "at")
    insert_many(Change, columns, [(TASK, agent_id, task_id, history, now)])


def append_barrier() -> None:
    """Add a row for the barriers; inside the transaction of the change itself."""
    append_of_hub(BARRIER)


def append_of_hub(topic: str) -> None:
    """Add a row of no agent; inside the transaction of the change itself."""
    now, history = timezone.now(), _newest_history()
    insert_many(Change, ("topic", "history", "at"), [(topic, history, now)])


def _newest_history() -> int:
    with connection.cursor() as cursor:
        cursor.execute(_newest())
        return int(cursor.fetchone()[0] or 0)


@cache
def _newest() -> str:
    # Made once: every crash waits for this, and Django takes ten times as long to ask.
    table = connection.ops.quote_name(StatusChange._meta.db_table)
    return f"SELECT MAX(id) FROM {table}"


def latest() -> int:
    """The last `seq`, 0 when there is none."""
    return int(Change.objects.aggregate(last=Max("seq"))["last"] or 0)


def reaches(seq: int) -> bool:
    """Whether every change after `seq` is still known; False for one that never was.

    0 is before the first: it reaches while that is there, and where none ever was.
    """
    last = latest()
    if not 0 <= seq <= last:
        return False
    return not last or Change.objects.filter(seq__lte=max(1, seq)).exists()


def history_at(seq: int) -> int:
    """The newest line of the history when `seq` was recorded."""
    before = Change.objects.filter(seq__lte=seq).order_by("-seq")
    return before.values_list("history", flat=True).first() or 0


def since(seq: int, topics: Collection[str] = ()) -> News:
    """What came after `seq`; `topics`: of these alone."""
    columns = ("seq", "topic", "agent_id", "task_id")
    rows_after = Change.objects.filter(seq__gt=seq)
    if topics:
        rows_after = rows_after.filter(topic__in=topics)
    found = list(rows_after.values_list(*columns))
    rows = [row[:3] for row in found]
    return News(
        seq=max((row[0] for row in rows), default=seq),
        agents=frozenset(pk for _, _, pk in rows if pk is not None),
        requests=_about((REQUEST,), rows),
        foreign=_about((SETUP, SILENCE, HEARTBEAT), rows),
        tasks=_about((TASK,), rows),
        task_ids=frozenset(row[3] for row in found if row[3] is not None),
        hub=frozenset(topic for _, topic, pk in rows if pk is None),
    )


def _about(topics: Collection[str], rows: Iterable[_Row]) -> frozenset[int]:
    return frozenset(pk for _, topic, pk in rows if pk is not None and topic in topics)


class Glance:
    """Whether another connection has committed since the last look.

    SQLite's `data_version` costs some microseconds; elsewhere always True, and
    the caller reads `since`. Use from one thread, but `worth_it` from any.
    """

    def __init__(self) -> None:
        # The number is the connection's own: another one may begin with the same.
        self._last: tuple[Any, int] | None = None
        self._prints: tuple[tuple[int, int], ...] = ()
        self._looked_at = 0.0

    def worth_it(self) -> bool:
        """False while the database's files are as they were at the last call.

        Two calls of stat(2) in place of a hop to the database's thread. A clock
        tick may hide a commit from it, so every half second it says True anyway.
        """
        now = time.monotonic()
        prints = _footprints()
        if prints and prints == self._prints and now - self._looked_at < LOOK_ANYWAY:
            return False
        self._prints, self._looked_at = prints, now
        return True

    def anything_new(self) -> bool:
        """True on the first look and after each commit by another connection."""
        if connection.vendor != "sqlite":
            return True
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA data_version")
            seen = (connection.connection, int(cursor.fetchone()[0]))
        changed = seen != self._last
        self._last = seen
        return changed


def _footprints() -> tuple[tuple[int, int], ...]:
    """Time and size of the SQLite database's files; nothing elsewhere."""
    if connection.vendor != "sqlite":
        return ()
    name = str(connection.settings_dict["NAME"])
    prints = []
    for path in (name, f"{name}-wal"):
        try:
            found = os.stat(path)
        except OSError:
            continue
        prints.append((found.st_mtime_ns, found.st_size))
    return tuple(prints)


def prune() -> int:
    """Delete rows older than a day, but the last: `latest` never falls. How many."""
    old = Change.objects.filter(at__lt=timezone.now() - KEEP, seq__lt=latest())
    return old.delete()[0]
