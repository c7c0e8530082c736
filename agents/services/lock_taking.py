"""A person takes a lock away from who holds it: with a reason, told everywhere.

What may enter: what only people may do to locks of others. Who waited gets them in
order, under a higher fence. Blocking.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.utils import timezone

from agents.models import Agent, FileLock, LockClaim, StatusChange, Task
from agents.models.choices import ClaimStateChoice as State
from agents.policy.tasks import TaskState
from agents.services import audit, bell, changes, figures, lock_calls, locks
from agents.services.lifecycle import Asker

LONGEST_REASON: Final = 500


class NoReason(ValueError):
    """Somebody loses what they rely on: they have to be told why."""


class AtWork(ValueError):
    """A task works with the lock, or stands in the queue for it."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who takes it, with `asker.reason`. `door`: by what they came in, in words."""

    asker: Asker
    user_id: int
    door: str

    @property
    def reason(self) -> str:
        """Why; raises NoReason."""
        reason = self.asker.reason.strip()[:LONGEST_REASON]
        if not reason:
            raise NoReason(
                "Say why: it stands in the agent's history and the audit log."
            )
        return reason


def steal(lock_id: int, person: Person) -> FileLock:
    """Take away the lock, with all that was asked with it.

    A task that works with it is interrupted first, and the lock ends with it: until
    then it is held still, and its `taken_by` says who takes it. Raises NoReason,
    NotHeld, FileLock.DoesNotExist.
    """
    told = f"stolen by {person.asker.actor}: {person.reason}"
    with transaction.atomic():
        lock = lock_calls.held(lock_id)
        claim = lock.claim
        _note(claim, person, told, "Stole")
        if not _interrupted(claim, told):
            locks.release([claim.pk], told, by=person.asker.actor)
        else:
            LockClaim.objects.filter(pk=claim.pk).update(
                taken_by=person.asker.actor, reason=told
            )
        return lock_calls.lock(lock_id)


def release(lock_id: int, person: Person) -> FileLock:
    """End it for its holder, who has forgotten it, with all that was asked with it; or
    take a call that waits out of the queue.

    Nothing is interrupted. Raises AtWork, NoReason, NotHeld, FileLock.DoesNotExist.
    """
    told = f"released by {person.asker.actor}: {person.reason}"
    with transaction.atomic():
        lock = lock_calls.lock(lock_id)
        claim = lock.claim
        if claim.state != State.WAITING:
            lock_calls.held(lock_id)
        if why := _at_work(claim):
            raise AtWork(why)
        _note(claim, person, told, "Released")
        locks.release([claim.pk], told, by=person.asker.actor)
        return lock_calls.lock(lock_id)


def _at_work(claim: LockClaim) -> str:
    """Why it cannot simply be released; empty if it can."""
    if claim.task_id is None:
        return ""
    if claim.state == State.WAITING:
        return f"Task {claim.task_id} waits for it: cancel the task instead."
    if Task.objects.filter(pk=claim.task_id, state=TaskState.RUNNING).exists():
        return (
            f"Task {claim.task_id} works with it. Steal the lock, which interrupts the "
            "task, or cancel the task."
        )
    return ""


def _interrupted(claim: LockClaim, told: str) -> bool:
    """Whether a task works with it; then it is to end."""
    if claim.task_id is None:
        return False
    working = Task.objects.filter(
        pk=claim.task_id, run=claim.run_id, state=TaskState.RUNNING
    )
    if not working.update(interrupt_reason=f"its lock was {told}"):
        return False
    changes.append_task(claim.agent_id, claim.task_id)
    if claim.agent is not None:
        node = claim.agent.node
        transaction.on_commit(lambda: bell.ring(node))
    return True


def _note(claim: LockClaim, person: Person, told: str, did: str) -> None:
    """A line of the agent's history, and one of the audit."""
    if claim.agent_id is None:
        return
    agent = Agent.every.get(pk=claim.agent_id)
    patterns = claim.locks.filter(released_at=None).values_list("pattern", flat=True)
    files = figures.listed(list(patterns))
    StatusChange.objects.create(
        agent=agent,
        agent_name=agent.name,
        from_status=agent.status,
        to_status=agent.status,
        reason=f"its lock on {files} was {told}",
        source="web",
        actor=person.asker.actor,
        run_id=claim.run_id,
        at=timezone.now(),
    )
    changes.append(changes.LOCK, [agent.pk])
    words = f"{did} its lock on {files} by {person.door}: {person.reason}"
    audit.noted(person.user_id, [agent], words)
