"""How long the past is kept: rows that only tell of it go, a part at a time.

Single requests to models (`usage`), changes (`changes`) and the size of output
(`agents.supervisor.retention`) have bounds of their own.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from agents.models import Request, Run, StatusChange, Step, Task
from agents.models.choices import Outcome
from agents.policy.tasks import FINISHED, TaskState

# Transcripts of tasks, changes of status, settled requests.
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


# What may go of each table once it is old; each agent keeps its latest row.
TABLES: Final[Mapping[Any, Callable[[datetime], QuerySet[Any]]]] = {
    Step: _steps,
    StatusChange: _status_changes,
    Request: _requests,
}


def prune(table: Any, after: int = 0) -> int | None:
    """Delete what is old among the next rows beyond an id; the last id looked at.

    None when no old ones are left: ids grow with time.
    """
    before = timezone.now() - KEEP_HISTORY
    rows = table.objects.filter(pk__gt=after).order_by("pk")
    found = list(rows.values_list("pk", "at")[:PART])
    old = [pk for pk, at in found if at < before]
    if old:
        TABLES[table](before).filter(pk__in=old).delete()
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
