"""The engine's door to tasks: claim one, commit its steps, say how it ended.

A claim belongs to one run of the agent. Whatever is written is conditional on it, so
an engine that has lost its task, or its run, writes nothing more.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import F, Max, Q, QuerySet, Value
from django.db.models.functions import Concat
from django.utils import timezone

from agents.models import Step, Task
from agents.policy.clock import Moment
from agents.policy.tasks import TaskState
from agents.services import booking, brake, budgets, changes, due, locks, task_locks
from agents.services.booking import Booking as Booking
from agents.services.bulk import insert_many
from agents.services.steps import (
    StepData,
    note,
    of_conversation,
    result,
    storable,
    user,
)
from agents.services.task_locks import ENDED, LATER

RESUMED: Final = (
    "The run that worked on this task has ended; it goes on from its last recorded "
    "step."
)


class ClaimLost(RuntimeError):
    """The task is no longer this run's: nothing was written."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A task that this run works on. `timeout` in seconds, of this attempt."""

    id: int
    agent_id: int
    run_id: uuid.UUID
    prompt: str
    conversation: uuid.UUID
    timeout: float | None
    attempt: int
    max_attempts: int


@dataclass(frozen=True, slots=True)
class Sight:
    """What people have said of a task since it was claimed. `braked`: by whom the
    fleet brake was pulled, and why, if it interrupts what has begun."""

    mine: bool
    cancelled_by: str
    answer: str | None
    braked: str = ""
    interrupted: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one look at an agent's tasks has brought.

    `due`: seconds until a task that waits may be claimed, None without one.
    """

    claimed: list[Claimed]
    sights: dict[int, Sight]
    due: float | None


def turn(
    agent_id: int,
    run_id: uuid.UUID,
    at_most: int,
    held: Sequence[Claimed],
    workspace: str = "",
) -> Turn:
    """Look at the tasks that are `held`, and claim more: one hop for all of it.

    Claiming comes last: should the database fail here, nothing was claimed that its
    run never hears of.
    """
    sights = {task.id: look(task) for task in held}
    next_due = due.next_due(agent_id)
    unheard_of = _claimed_before(agent_id, run_id, held)
    fresh = claim(agent_id, run_id, at_most - len(unheard_of), workspace)
    return Turn([*unheard_of, *fresh], sights, next_due)


def _claimed_before(
    agent_id: int, run_id: uuid.UUID, held: Sequence[Claimed]
) -> list[Claimed]:
    """What this run has claimed and does not work on."""
    own = Task.objects.filter(agent=agent_id, state=TaskState.RUNNING, run=run_id)
    others = own.exclude(pk__in=[task.id for task in held]).order_by("pk")
    return [_claimed(task, run_id, task.attempts) for task in others]


def claim(
    agent_id: int, run_id: uuid.UUID, at_most: int, workspace: str = ""
) -> list[Claimed]:
    """Take the tasks that are due, the most urgent first, each by a conditional
    UPDATE; of one conversation, one at a time and in order.

    The paths that a task declares are locked below `workspace` (where the run works);
    while they are not free it waits for them, and others are taken.
    """
    claimed: list[Claimed] = []
    with transaction.atomic():
        keeper = task_locks.Keeper(agent_id, run_id, workspace)
        waiting = due.due(agent_id) if at_most > 0 else []
        if waiting and not task_locks.lives(run_id):
            return []
        for task_id in keeper.in_order(waiting):
            if len(claimed) == at_most:
                break
            task = Task.objects.get(pk=task_id)
            if keeper.may_begin(task) and _take(task, run_id):
                claimed.append(_claimed(task, run_id, task.attempts + 1))
        keeper.give_back()
    return claimed


def _take(task: Task, run_id: uuid.UUID) -> bool:
    taken = Task.objects.filter(pk=task.pk, state=task.state).update(
        state=TaskState.RUNNING,
        reason="",
        run=run_id,
        attempts=F("attempts") + 1,
        started_at=task.started_at or timezone.now(),
        not_before=None,
        not_before_boot="",
        not_before_boot_seconds=None,
    )
    if not taken:
        # Somebody has cancelled it since it was looked at.
        locks.release_of_task(task.pk, ENDED)
        return False
    if not Step.objects.filter(task=task, kind="user").exists():
        _write(task.pk, task.attempts + 1, [user(task.prompt)])
    changes.append_task(task.agent_id, task.pk)
    return True


def _claimed(task: Task, run_id: uuid.UUID, attempt: int) -> Claimed:
    assert task.agent_id is not None, "it was found by its agent"
    return Claimed(
        id=task.pk,
        agent_id=task.agent_id,
        run_id=run_id,
        prompt=task.prompt,
        conversation=task.conversation,
        timeout=task.timeout,
        attempt=attempt,
        max_attempts=task.max_attempts,
    )


def requeue_lost(agent_id: int, run_id: uuid.UUID) -> int:
    """Queue again what runs other than this have left in the middle; how many. It is
    the same attempt: a hub that ends is not the task's failure."""
    running = Task.objects.filter(agent=agent_id, state=TaskState.RUNNING)
    return _requeue(running.filter(~Q(run=run_id) | Q(run=None)))


def _requeue(lost: QuerySet[Task]) -> int:
    count = 0
    with transaction.atomic():
        for task in list(lost.only("agent", "attempts", "run", "question", "answer")):
            still = Task.objects.filter(
                pk=task.pk, state=TaskState.RUNNING, run=task.run_id
            )
            queued = _queue_again(
                still, RESUMED, attempts=F("attempts") - 1, answer=None
            )
            if queued:
                locks.release_of_task(task.pk, LATER)
                left = [*_answered(task), note(RESUMED, "warning")]
                _write(task.pk, task.attempts, left)
                changes.append_task(task.agent_id, task.pk)
                count += 1
    return count


def _answered(task: Task) -> list[StepData]:
    """A person's answer that the run did not live to hear: it is not asked again."""
    steps = Step.objects.filter(task=task, kind__in=("call", "result"))
    last = steps.order_by("-number").first()
    if task.answer is None or last is None or last.kind != "call":
        return []
    if last.data["arguments"].get("question") != task.question:
        return []
    return [result(last.data["call"], last.data["name"], task.answer)]


def _queue_again(mine: QuerySet[Task], reason: str, **columns: Any) -> int:
    """Queue this one task, or end it if somebody wants it cancelled or interrupted; 0
    if it is not there."""
    given_up = mine.filter(cancel_asked_at__isnull=False).update(
        state=TaskState.CANCELLED,
        reason=Concat(Value("cancelled by "), "cancel_asked_by"),
        ended_at=timezone.now(),
        question="",
    )
    interrupted = mine.exclude(interrupt_reason="").update(
        state=TaskState.INTERRUPTED,
        reason=F("interrupt_reason"),
        ended_at=timezone.now(),
        question="",
    )
    return (given_up or interrupted) or mine.update(
        state=TaskState.QUEUED, reason=reason, question="", **columns
    )


@dataclass(frozen=True, slots=True)
class Transcript:
    """A conversation up to now. `answers`: how many are of this task; `next_step`: the
    number that its next step will have."""

    steps: list[StepData]
    answers: int
    next_step: int


def transcript(task: Claimed) -> Transcript:
    """All steps of the task and of those it follows, in order."""
    known = of_conversation(task.conversation, task.id)
    answers = Step.objects.filter(task=task.id, kind="answer").count()
    return Transcript(known, answers, next_step(task.id))


def next_step(task_id: int) -> int:
    """The number that the next step will have."""
    last = Step.objects.filter(task=task_id).aggregate(last=Max("number"))["last"]
    return int(last or 0) + 1


def commit(
    task: Claimed, steps: Sequence[StepData], bookings: Sequence[Booking] = ()
) -> list[int]:
    """Write steps and usage in one transaction; the steps' numbers.

    A booking that was made before is not made again. Raises ClaimLost.
    """
    priced = booking.priced(bookings)
    with transaction.atomic():
        claimed = _mine(task).select_for_update().values_list("agent_name", flat=True)
        name = claimed.first()
        if name is None:
            raise ClaimLost(f"task {task.id} is no longer this run's")
        numbers = _write(task.id, task.attempt, steps)
        for one in priced:
            booking.book(task.id, task.agent_id, name, one)
        changes.append_task(task.agent_id, task.id)
    return numbers


def is_mine(task: Claimed) -> bool:
    """Whether the task is this run's; it stays so until the commit."""
    claimed = _mine(task).select_for_update().values_list("pk", flat=True)
    return claimed.first() is not None


def _mine(task: Claimed) -> QuerySet[Task]:
    return Task.objects.filter(pk=task.id, state=TaskState.RUNNING, run=task.run_id)


def _write(task_id: int, attempt: int, steps: Sequence[StepData]) -> list[int]:
    first, now = next_step(task_id), timezone.now()
    numbers = list(range(first, first + len(steps)))
    insert_many(
        Step,
        ("task", "number", "kind", "attempt", "at", "data"),
        [
            (task_id, number, step.kind, attempt, now, storable(step.data))
            for number, step in zip(numbers, steps, strict=True)
        ],
    )
    return numbers


def over_budget(agent_id: int, task_id: int | None = None, provider: str = "") -> str:
    """Why running work of this agent, or this task of it, has to end; empty while
    there is money. Cheap enough to be asked before each request.

    `provider`: whom the run asks; the set-up may name another for the next run.
    """
    own = budgets.task_refusal(task_id) if task_id is not None else ""
    return own or budgets.refusal(agent_id, provider)


def look(task: Claimed) -> Sight:
    """What has become of a task, as people have it."""
    rows = Task.objects.annotate(braked=brake.interrupts())
    row = rows.filter(pk=task.id).first()
    if row is None or row.state != TaskState.RUNNING or row.run_id != task.run_id:
        return Sight(mine=False, cancelled_by="", answer=None)
    cancelled_by = row.cancel_asked_by if row.cancel_asked_at else ""
    braked = brake.as_seen().words if row.braked else ""
    return Sight(True, cancelled_by, row.answer, braked, row.interrupt_reason)


def ask_person(task: Claimed, question: str) -> None:
    """Say that the task waits for an answer; raises ClaimLost."""
    with transaction.atomic():
        asked = storable(question)
        if not _mine(task).update(question=asked, answer=None, answered_by=""):
            raise ClaimLost(f"task {task.id} is no longer this run's")
        changes.append_task(task.agent_id, task.id)


def end(
    task: Claimed,
    state: TaskState,
    reason: str,
    *,
    result: str = "",
    error: str = "",
    steps: Sequence[StepData] = (),
) -> bool:
    """Say how it ended; False if it is no longer this run's."""
    with transaction.atomic():
        ended = _mine(task).update(
            state=state,
            reason=reason,
            result=storable(result),
            error=error,
            ended_at=timezone.now(),
            question="",
        )
        if ended:
            locks.release_of_task(task.id, ENDED)
            _write(task.id, task.attempt, steps)
            changes.append_task(task.agent_id, task.id)
    return bool(ended)


def try_later(task: Claimed, delay: float, reason: str) -> bool:
    """Queue it again for another attempt in `delay` seconds; False if not ours."""
    moment = Moment.now().later(delay)
    with transaction.atomic():
        queued = _queue_again(
            _mine(task),
            reason,
            not_before=timezone.now() + timedelta(seconds=delay),
            not_before_boot=moment.boot,
            not_before_boot_seconds=moment.at,
        )
        if queued:
            locks.release_of_task(task.id, LATER)
            _write(task.id, task.attempt, [note(reason, "warning")])
            changes.append_task(task.agent_id, task.id)
    return bool(queued)


def put_back(task: Claimed, reason: str) -> bool:
    """Queue it again without spending an attempt; False if it is not ours."""
    with transaction.atomic():
        queued = _queue_again(
            _mine(task), reason, attempts=F("attempts") - 1, answer=None
        )
        if queued:
            locks.release_of_task(task.id, LATER)
            _write(task.id, task.attempt, [note(reason, "warning")])
            changes.append_task(task.agent_id, task.id)
    return bool(queued)


def requeue_ended() -> int:
    """Queue again whatever is called running, or waits for a lock, though its run is
    over; how many."""
    over = Q(run__ended_at__isnull=False) | Q(run=None)
    with transaction.atomic():
        waiting = task_locks.queue_waiters_of_ended_runs()
        lost = Task.objects.filter(over, state=TaskState.RUNNING)
        return waiting + _requeue(lost)
