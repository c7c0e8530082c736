"""Files that a task has touched outside its locks: found, and written down. Blocking.

What may enter: what a look at the workspace before and after has shown. What another
task had locked meanwhile is that one's; what nobody had locked was changed by this
task, or by somebody who asks nobody: that cannot be told apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from agents.models import Agent, FileLock, StatusChange, Task
from agents.models.choices import LockModeChoice
from agents.policy import globs
from agents.services import changes, work
from agents.services.steps import note, storable
from agents.services.work import Claimed, ClaimLost

# Paths that are kept; of more the number.
MOST: Final = 50


def record(
    task: Claimed, workspace: str, changed: Sequence[str], since: datetime, missed: str
) -> str:
    """Keep which of the files that have changed nobody had locked; in words.

    `since`: from when on was looked. `missed`: why it is not known. Nothing is written
    where nothing was touched, or the task is no longer this run's.
    """
    outside = unlocked(workspace, changed, since) if not missed else []
    if not (outside or missed):
        return ""
    with transaction.atomic():
        if not work.is_mine(task):
            return ""
        found = _with_earlier(task.id, outside, missed)
        Task.objects.filter(pk=task.id).update(touched=storable(found))
        told = words(found)
        try:
            work.commit(task, [note(told, "warning" if outside else "info")])
        except ClaimLost:
            return ""
        if outside:
            _line(task, told)
    return told


def unlocked(workspace: str, paths: Sequence[str], since: datetime) -> list[str]:
    """Those of these files that nobody had the right to write at any time since."""
    if not paths:
        return []
    stood = Q(released_at=None) | Q(released_at__gte=since)
    rows = FileLock.objects.filter(
        stood,
        claim__space__path=workspace,
        claim__fence__isnull=False,
        claim__mode=LockModeChoice.EXCLUSIVE,
    )
    held = [globs.parse(one) for one in set(rows.values_list("pattern", flat=True))]
    return [path for path in paths if not any(globs.means(glob, path) for glob in held)]


def words(found: dict[str, Any]) -> str:
    """`touched outside its locks: a.py, b.py (and 3 more)`; empty if nothing was."""
    if not found:
        return ""
    if not found["files"]:
        return f"touched outside its locks: {found['note']}"
    names, more = found["files"][:3], found["count"] - min(3, len(found["files"]))
    listed = ", ".join(names) + (f" (and {more:,} more)" if more else "")
    return f"touched outside its locks: {listed}"


def _with_earlier(task_id: int, outside: Sequence[str], missed: str) -> dict[str, Any]:
    """An earlier attempt has touched what it has touched."""
    earlier = Task.objects.values_list("touched", flat=True).get(pk=task_id)
    known = earlier.get("files", [])
    files = sorted({*known, *outside})
    count = len(files) + earlier.get("count", 0) - len(known)
    note = missed or earlier.get("note", "")
    return {"files": files[:MOST], "count": count, "note": note}


def _line(task: Claimed, told: str) -> None:
    """One of the agent's history."""
    agent = Agent.every.get(pk=task.agent_id)
    StatusChange.objects.create(
        agent=agent,
        agent_name=agent.name,
        from_status=agent.status,
        to_status=agent.status,
        reason=f"task {task.id} {told}",
        source="engine",
        run_id=task.run_id,
        at=timezone.now(),
    )
    changes.append(changes.LOCK, [agent.pk])
