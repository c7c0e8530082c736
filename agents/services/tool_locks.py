"""The lock on one file that a task's tool is about to write, asked for without asking.

A task's earlier locks count: what it has declared, and what its tools have touched.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from django.db import transaction

from agents.models import FileLock, LockClaim
from agents.models.choices import ClaimStateChoice as State
from agents.policy import globs
from agents.policy.lock_queue import Mode
from agents.services import lock_paths, locks, task_locks, work
from agents.services.locks import NotHeld, Wanted
from agents.services.work import Claimed, ClaimLost


class Lost(NotHeld):
    """A lock of the task on this file was ended by somebody else: told once, for what
    the task knows of the file may be old."""

    def __init__(self, claim: int, message: str) -> None:
        super().__init__(message)
        self.claim = claim


def permit(
    task: Claimed, workspace: Path, path: str, told: Collection[int] = ()
) -> str:
    """Empty if the task may write this file now; else what it waits for, in words.

    `told`: the claims whose loss the task knows of. Raises Lost, ClaimLost, BadPattern,
    and CannotWait of `locks.ask`.
    """
    space = lock_paths.workspace_of(str(workspace))
    pattern = lock_paths.of_file(space, path)
    file = os.path.relpath(os.path.realpath(os.path.join(space, path)), space)
    with transaction.atomic():
        if not work.is_mine(task):
            raise ClaimLost(f"task {task.id} is no longer this run's")
        fence = _covering(task, space, file, told)
        if fence is not None:
            locks.check(fence, space)
            return ""
        waits = task_locks.standing(task.id)
        if waits:
            return waits
        wanted = Wanted(
            space, (pattern,), Mode.EXCLUSIVE, task.agent_id, task.run_id, task.id
        )
        answer = locks.ask(wanted, wait=True)
    return "" if answer.held else task_locks.words(answer.conflicts)


def _covering(
    task: Claimed, space: str, file: str, told: Collection[int]
) -> int | None:
    """The fence of a claim of this task's that means the file; None without one."""
    rows = FileLock.objects.filter(
        claim__task=task.id, claim__run=task.run_id, claim__space__path=space
    ).select_related("claim")
    lost: LockClaim | None = None
    for row in rows.order_by("pk"):
        claim = row.claim
        if claim.state == State.WAITING or not _means(row.pattern, file):
            continue
        if claim.state == State.HELD and row.released_at is None:
            if claim.taken_by:
                raise Lost(
                    claim.pk,
                    f"the lock on {file} was {claim.reason}. Nothing was written",
                )
            return claim.fence
        if claim.pk not in told and claim.reason not in task_locks.OF_ITSELF:
            lost = claim
    if lost is not None:
        raise Lost(
            lost.pk,
            f"the lock on {file} (fence {lost.fence}) has ended ({lost.reason}), so "
            "nothing was written. Read the file again before you write it",
        )
    return None


def _means(pattern: str, file: str) -> bool:
    return globs.means(globs.parse(pattern), file)
