"""How long the past is kept: rows that only tell of it go, a part at a time.

Single requests to models (`usage`), changes (`changes`) and the size of output
(`agents.supervisor.retention`) have bounds of their own.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from agents.models import (
    Arrival,
    Batch,
    BatchItem,
    ExpectedArrival,
    FileLock,
    LockClaim,
    Request,
    Round,
    Run,
    StatusChange,
    Step,
    Task,
)
from agents.models.choices import ExpectedStateChoice, Outcome
from agents.policy.tasks import FINISHED, TaskState

# Transcripts of tasks, changes of status, settled requests, batches, rounds, locks.
KEEP_HISTORY: Final = timedelta(days=90)
# The files of runs that have ended: output, live text.
KEEP_FILES: Final = timedelta(days=30)
# Rows looked at in one transaction: others write in between.
PART: Final = 500

# An interrupted task may go on from its last step, however late a person asks.
_OVER: Final = FINISHED - {TaskState.INTERRUPTED}


def _steps(before: datetime) -> QuerySet[Any]:
    """Steps that no model will be told again: a conversation is kept whole."""
    wanted = Task.objects.filter(conversation=OuterRef("task__conversation"))
    return Step.objects.filter(
        ~Exists(wanted.exclude(state__in=_OVER, ended_at__lt=before))
    )


def _status_changes(_: datetime) -> QuerySet[Any]:
    newer = StatusChange.objects.filter(agent=OuterRef("agent"), pk__gt=OuterRef("pk"))
    return StatusChange.objects.filter(Q(agent=None) | Exists(newer))


def _requests(_: datetime) -> QuerySet[Any]:
    newer = Request.objects.filter(agent=OuterRef("agent"), pk__gt=OuterRef("pk"))
    settled = Request.objects.exclude(outcome=Outcome.OPEN)
    return settled.filter(Q(agent=None) | Exists(newer))


def _items(before: datetime) -> QuerySet[Any]:
    return BatchItem.objects.filter(batch__ended_at__lt=before)


def _batches(before: datetime) -> QuerySet[Any]:
    # Its items have gone before it: of none too many in one transaction.
    return Batch.objects.filter(ended_at__lt=before, items=None)


def _arrivals(before: datetime) -> QuerySet[Any]:
    return Arrival.objects.filter(
        round__ended_at__lt=before,
        round__generation__lt=F("round__barrier__generation"),
    )


def _rounds(before: datetime) -> QuerySet[Any]:
    waiting = {
        "waits_for": OuterRef("barrier"),
        "waits_generation": OuterRef("generation"),
    }
    return Round.objects.filter(
        ~Exists(Task.objects.filter(**waiting)),
        ~Exists(Batch.objects.filter(**waiting)),
        ended_at__lt=before,
        generation__lt=F("barrier__generation"),
        arrivals=None,
    )


def _expected(_: datetime) -> QuerySet[Any]:
    past = ExpectedArrival.objects.exclude(state=ExpectedStateChoice.AWAITED)
    return past.filter(generation__lt=F("barrier__generation"))


def _files(before: datetime) -> QuerySet[Any]:
    return FileLock.objects.filter(claim__ended_at__lt=before)


def _claims(before: datetime) -> QuerySet[Any]:
    return LockClaim.objects.filter(ended_at__lt=before, locks=None)


@dataclass(frozen=True, slots=True)
class Past:
    """What may go of a table. `at`: the column with the time at which rows were made;
    `rows`: those of them that may go, given before when they have to have ended."""

    at: str
    rows: Callable[[datetime], QuerySet[Any]]


# In this order. Each agent keeps its latest row, each barrier the round that is on.
TABLES: Final[Mapping[Any, Past]] = {
    Step: Past("at", _steps),
    StatusChange: Past("at", _status_changes),
    Request: Past("at", _requests),
    BatchItem: Past("batch__created_at", _items),
    Batch: Past("created_at", _batches),
    Arrival: Past("at", _arrivals),
    ExpectedArrival: Past("at", _expected),
    Round: Past("began_at", _rounds),
    FileLock: Past("claim__asked_at", _files),
    LockClaim: Past("asked_at", _claims),
}


def prune(table: Any, after: int = 0) -> int | None:
    """Delete what is old among the next rows beyond an id; the last id looked at.

    None when no old ones are left: ids grow with time.
    """
    before = timezone.now() - KEEP_HISTORY
    past = TABLES[table]
    rows = table.objects.filter(pk__gt=after).order_by("pk")
    found = list(rows.values_list("pk", past.at)[:PART])
    old = [pk for pk, at in found if at < before]
    if old:
        past.rows(before).filter(pk__in=old).delete()
    if len(found) < PART or found[-1][1] >= before:
        return None
    return int(found[-1][0])


def is_forgotten(task: Task) -> bool:
    """Whether it had a transcript that is not kept any more."""
    return (
        task.started_at is not None
        and task.ended_at is not None
        and task.ended_at < timezone.now() - KEEP_HISTORY
        and not Step.objects.filter(task=task).exists()
    )


def past_runs(folders: Collection[str]) -> dict[str, bool]:
    """Of these folders of runs, those whose files are not kept any more, and whether
    the run is its agent's latest. Folders that no run is known of are not among them.
    """
    newer = Run.objects.filter(agent=OuterRef("agent"), number__gt=OuterRef("number"))
    known = Q(pk__in=())
    for folder in folders:
        known |= _run_of(folder)
    ended = Run.objects.filter(known, ended_at__lt=timezone.now() - KEEP_FILES)
    # Without an order, the ids are searched for one by one, and no table is read.
    runs = ended.order_by().annotate(is_older=Exists(newer))
    return {
        run.folder: run.agent_id is not None and not run.is_older
        for run in runs.only("id", "agent", "agent_name", "number")
        if run.folder in folders
    }


def _run_of(folder: str) -> Q:
    """By the beginning of its id, which stands in the folder's name."""
    begin = folder.rpartition("-")[2]
    try:
        first, last = (uuid.UUID(begin.ljust(32, digit)) for digit in "0f")
    except ValueError:
        return Q(pk__in=())
    return Q(pk__range=(first, last))
