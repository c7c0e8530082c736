"""An answer while it is being given, for people: read on from where a reader is.

What is committed as a step is no longer in the making, and is not shown a second time.
Blocking: async code calls it in a thread.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from agents.models import Task
from agents.policy import live_text
from agents.policy.live_text import Live
from agents.policy.tasks import TaskState
from agents.services import transcript
from agents.services.logs import MAX_READ, LogStore

READ: Final = 64 * 1024
# Of an answer that is longer, the end is shown (characters).
LONGEST: Final = 100_000


@dataclass(frozen=True, slots=True)
class Source:
    """Where a task's answer is given now.

    `run`: its number, 0 while nobody works on it. `said_at`: when the newest step was
    committed that is no note.
    """

    task_id: int
    run: int = 0
    folder: str = ""
    said_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Up to where a reader has read, and whether that was in thinking."""

    offset: int = 0
    thinks: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """What there is to show. `fresh`: in the place of whatever was shown before."""

    live: Live
    fresh: bool
    place: Place


def source_of(task_id: int) -> Source:
    """Asked of the database; a task that is gone is worked on by nobody."""
    task = Task.objects.select_related("run").filter(pk=task_id).first()
    if task is None or task.run is None or task.state != TaskState.RUNNING:
        return Source(task_id)
    said = transcript.newest_said(task_id)
    return Source(task_id, task.run.number, task.run.folder, said.at if said else None)


def current(store: LogStore, source: Source) -> Heard:
    """All of the answer that is being given, or its end if it is very long.

    What was written before the newest step was committed has become that step; a
    reader needs no word of the engine to know.
    """
    chunk = store.live(source.folder, source.task_id, 0, MAX_READ)
    end = chunk.offset + len(chunk.data)
    said_at = source.said_at
    if said_at is not None and chunk.changed_at <= said_at.timestamp():
        return Heard(Live("", ""), True, Place(end))
    part = live_text.part(chunk.data)
    live = Live(part.live.thinking[-LONGEST:], part.live.text[-LONGEST:])
    return Heard(live, True, Place(chunk.offset + part.length, part.thinks))


def further(store: LogStore, source: Source, place: Place) -> Heard | None:
    """What has come since; None when nothing has."""
    chunk = store.live(source.folder, source.task_id, place.offset, READ)
    if chunk.offset != place.offset:
        # Too far behind, and nobody knows what the end of it belongs to.
        everything = replace(source, said_at=None)
        return current(store, everything) if chunk.data else None
    part = live_text.part(chunk.data, thinks=place.thinks)
    if not part.length:
        return None
    after = Place(place.offset + part.length, part.thinks)
    return Heard(part.live, part.fresh, after)


def read_on(store: LogStore, source: Source, run: int | None, place: Place) -> Heard:
    """What has come since this place in this run's file; None: nothing was read yet.

    Raises OSError, or ValueError where something else is in the place of the file.
    """
    if not source.run:
        return Heard(Live("", ""), run != 0, Place())
    if run != source.run:
        return current(store, source)
    nothing = Heard(Live("", ""), False, place)
    return further(store, source, place) or nothing
