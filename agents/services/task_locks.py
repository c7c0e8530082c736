"""The locks of a task: what it declares is locked before it begins, until it ends.

What may enter: what happens in the very transaction that changes the task's state.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from typing import Final

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from agents.models import Agent, LockClaim, Run, Task
from agents.models.choices import ClaimStateChoice
from agents.policy.globs import BadPattern
from agents.policy.lock_queue import Mode
from agents.policy.tasks import TaskState
from agents.services import changes, lock_paths, lock_rows, locks
from agents.services.lock_rows import Standing
from agents.services.locks import Wanted

# Tasks of one agent that stand in the queue for locks; further ones wait their turn.
MOST_WAITING: Final = 16
# How many ask at one look: the others of an agent's tasks are looked at later.
MOST_ASKED: Final = 50
# Why its locks are let go.
ENDED: Final = "its task has ended"
LATER: Final = "its task begins again later"
GIVEN_BACK: Final = "its lock was free before its agent was: it asks again"
OF_ITSELF: Final = frozenset({ENDED, LATER, GIVEN_BACK})
RUN_OVER: Final = "its agent's run has ended while it waited for a lock"


def problem(agent: Agent, paths: Sequence[str]) -> str | None:
    """Why these cannot be locked in the agent's workspace; None if they can."""
    try:
        if paths:
            lock_paths.patterns_of(_workspace_of(agent), paths)
    except BadPattern as error:
        return str(error)
    return None


def _workspace_of(agent: Agent) -> str:
    """Where its next run will work; it need not be there yet."""
    home = settings.AGENTHUB_DATA_DIR / "work" / agent.name
    return os.path.realpath(os.path.expanduser(agent.workspace) or home)


class Keeper:
    """One look of a run at its agent's tasks, inside one transaction."""

    def __init__(self, agent_id: int, run_id: uuid.UUID, workspace: str) -> None:
        self._agent_id, self._run_id = agent_id, run_id
        self._workspace = workspace
        rows = _open().filter(run=run_id, task__state=TaskState.WAITING_FOR_LOCK)
        found = list(rows.values_list("task_id", "pk", "state"))
        self._claims = {task: pk for task, pk, _ in found}
        self._granted = {
            task for task, _, state in found if state == ClaimStateChoice.HELD
        }
        self._asked = 0

    def in_order(self, task_ids: Sequence[int]) -> list[int]:
        """Those first that have their locks: others wait for these to be let go."""
        return sorted(task_ids, key=lambda pk: pk not in self._granted)

    def may_begin(self, task: Task) -> bool:
        """Whether its locks are held; if not, it has a place in the queue, or waits
        for its turn to ask."""
        if not task.paths:
            return True
        claim = self._claims.get(task.pk)
        if claim is None:
            return self._ask(task)
        if task.pk in self._granted and locks.holds(claim):
            self._granted.discard(task.pk)
            return True
        _say(task, words(lock_rows.waits_for(claim)))
        return False

    def give_back(self) -> None:
        """Nobody holds a lock while it waits for its agent: that could be for ever."""
        for task_id in self._granted:
            queued = Task.objects.filter(
                pk=task_id, state=TaskState.WAITING_FOR_LOCK
            ).update(state=TaskState.QUEUED, reason=GIVEN_BACK)
            locks.release_of_task(task_id, GIVEN_BACK)
            if queued:
                changes.append_task(self._agent_id, task_id)

    def _ask(self, task: Task) -> bool:
        if self._asked == MOST_ASKED:
            return False
        self._asked += 1
        try:
            space = lock_paths.workspace_of(self._workspace)
            patterns = lock_paths.patterns_of(space, task.paths)
        except BadPattern as error:
            self._refuse(task, str(error))
            return False
        wanted = Wanted(
            space, patterns, Mode.EXCLUSIVE, self._agent_id, self._run_id, task.pk
        )
        answer = locks.ask(wanted, wait=len(self._claims) < MOST_WAITING)
        if answer.held:
            return True
        if answer.claim is not None:
            self._claims[task.pk] = answer.claim
            _say(task, words(answer.conflicts))
        return False

    def _refuse(self, task: Task, why: str) -> None:
        """A link or the workspace has changed since it was asked."""
        reason = f"its paths cannot be locked: {why}"
        unbegun = Task.objects.filter(pk=task.pk, state=task.state)
        ended = unbegun.update(
            state=TaskState.FAILED, reason=reason, error=reason, ended_at=timezone.now()
        )
        if ended:
            changes.append_task(self._agent_id, task.pk)


def _say(task: Task, reason: str) -> None:
    """It waits for a lock, and for whose."""
    if task.state == TaskState.WAITING_FOR_LOCK and task.reason == reason:
        return
    told = Task.objects.filter(pk=task.pk, state=task.state).update(
        state=TaskState.WAITING_FOR_LOCK, reason=reason
    )
    if told:
        changes.append_task(task.agent_id, task.pk)
    else:
        locks.release_of_task(task.pk, ENDED)


def words(standings: Sequence[Standing]) -> str:
    """`waits for a lock on a.py: web (task 3) has a.py since 12:00:00 UTC`."""
    if not standings:
        return "waits for a lock, which it gets now"
    first = standings[0]
    who = first.agent if first.task is None else f"{first.agent} (task {first.task})"
    has = "has asked for" if first.waits else "has"
    before = sum(one.waits for one in standings)
    line = f"; {before} before it in the queue" if before else "; it is the next"
    return (
        f"waits for a lock on {first.pattern}: {who} {has} {first.held} since "
        f"{first.since:%H:%M:%S} UTC{line}"
    )


def standing(task_id: int) -> str:
    """What a task waits for as of now, in words; empty if it waits for no lock."""
    claim = _open().filter(task=task_id, state=ClaimStateChoice.WAITING).first()
    return "" if claim is None else words(lock_rows.waits_for(claim.pk))


def queue_waiters_of_ended_runs() -> int:
    """Nobody looks after them until their agents run again; how many."""
    own = _open().filter(task=OuterRef("pk"), run__ended_at=None, run__isnull=False)
    waiting = Task.objects.filter(state=TaskState.WAITING_FOR_LOCK)
    left = waiting.filter(~Exists(own))
    found = list(left.values_list("pk", "agent_id"))
    for task_id, agent_id in found:
        locks.release_of_task(task_id, RUN_OVER)
        Task.objects.filter(pk=task_id, state=TaskState.WAITING_FOR_LOCK).update(
            state=TaskState.QUEUED, reason=RUN_OVER
        )
        changes.append_task(agent_id, task_id)
    return len(found)


def lives(run_id: uuid.UUID) -> bool:
    """Whether the run may still hold anything; it does not end before the commit."""
    open_ones = Run.objects.select_for_update().filter(pk=run_id, ended_at=None)
    return open_ones.values_list("pk", flat=True).first() is not None


def _open() -> QuerySet[LockClaim]:
    return LockClaim.objects.exclude(state=ClaimStateChoice.ENDED)
