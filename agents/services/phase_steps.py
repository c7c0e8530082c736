"""The runner's door to phases: work that has ended arrives, or is lost to its round;
work that waits begins once all are there, or is cancelled if not all can come.

Nothing is remembered between two steps, so a hub that dies at any instant leaves the
rest to the next. Several runners may take steps at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from agents.models import Barrier, Batch, ExpectedArrival, Round, Task
from agents.models.choices import ExpectedStateChoice as Expected
from agents.models.choices import ItemStateChoice
from agents.models.choices import OnFailureChoice as OnFailure
from agents.models.choices import RoundStateChoice as State
from agents.policy.states import Status
from agents.policy.tasks import FINISHED, TaskState
from agents.services import batches, brake, changes, rounds, tasks
from agents.services.lifecycle import Asker

# An interrupted task may still go on, and arrive.
_OVER: Final = FINISHED - {TaskState.INTERRUPTED}
_NOT_ASKED: Final = (ItemStateChoice.FAILED, ItemStateChoice.CANCELLED)
# What is settled in one transaction.
PART: Final = 50
VIA: Final = "barriers"
RESET: Final = "it was reset"


def step() -> bool:
    """Carry on with all that is bound to barriers; whether anything still is."""
    if not _anything():
        return False
    barriers = _ended().order_by("barrier").values_list("barrier", flat=True)
    for barrier_id in list(barriers.distinct()):
        while _settle(barrier_id):
            pass
    for barrier_id, generation in _places():
        _tell_who_waits(barrier_id, generation)
    return _anything()


def _anything() -> bool:
    """Mostly there is nothing, and the runner asks after each commit."""
    with connection.cursor() as cursor:
        cursor.execute(_question())
        return bool(cursor.fetchone()[0])


@cache
def _question() -> str:
    """Some microseconds; all three conditions have an index."""
    quote = connection.ops.quote_name
    expected, tasks, batches = (
        quote(one._meta.db_table) for one in (ExpectedArrival, Task, Batch)
    )
    return (
        f"SELECT EXISTS (SELECT 1 FROM {expected} WHERE state = 'awaited') "
        f"OR EXISTS (SELECT 1 FROM {tasks} WHERE waits_for_id IS NOT NULL) "
        f"OR EXISTS (SELECT 1 FROM {batches} WHERE waits_for_id IS NOT NULL)"
    )


def _awaited() -> QuerySet[ExpectedArrival]:
    return ExpectedArrival.objects.filter(state=Expected.AWAITED)


def _ended() -> QuerySet[ExpectedArrival]:
    """What has come to its end, or cannot."""
    not_asked = Q(task=None, item__state__in=_NOT_ASKED)
    # Its run has ended, and no other will go on with the work unless somebody asks.
    # While the fleet brake is pulled that is not said: its release starts it again.
    died = Q(
        ~brake.holds(),
        barrier__on_failure=OnFailure.BREAK,
        task__state__in=set(TaskState) - _OVER,
        task__agent__status__in=(Status.STOPPED, Status.CRASHED),
        task__agent__generation=F("task__agent__observed_generation"),
        task__agent__run__ended_at__gt=F("at"),
    )
    return _awaited().filter(Q(task__state__in=_OVER) | not_asked | died)


def _settle(barrier_id: int) -> bool:
    """Some of what has ended at this barrier; whether there may be more."""
    with transaction.atomic():
        barrier = Barrier.objects.select_for_update().get(pk=barrier_id)
        # As it is now that nobody else settles it.
        ended = _ended().filter(barrier=barrier).order_by("pk")
        found = list(ended.select_related("task__agent__run", "item")[:PART])
        if not found:
            return False
        current = rounds.current(barrier)
        if current is not None:
            rounds.end_if_late(current)
        for expected in found:
            current = _settle_one(barrier, current, expected)
        changes.append_barrier()
    return len(found) == PART


def _settle_one(
    barrier: Barrier, current: Round | None, expected: ExpectedArrival
) -> Round | None:
    """The round that is on after that."""
    here = expected.generation == barrier.generation
    if not here or (current is not None and current.state != State.WAITING):
        _mark(expected, Expected.LATE)
    elif expected.task is not None and expected.task.state == TaskState.SUCCEEDED:
        _mark(expected, Expected.ARRIVED)
        return _arrived(barrier, current, expected)
    else:
        _mark(expected, Expected.LOST)
        if barrier.on_failure == OnFailure.BREAK:
            current = current or rounds.unopened(barrier)
            rounds.finish(current, State.BROKEN, _why(expected))
    return current


def _mark(expected: ExpectedArrival, state: Expected) -> None:
    rounds.settle(_awaited().filter(pk=expected.pk), state)


def _arrived(
    barrier: Barrier, current: Round | None, expected: ExpectedArrival
) -> Round | None:
    """Its agent is there, once all that was asked of it for this round is done."""
    name, task = expected.agent_name, expected.task
    assert task is not None, "it has succeeded"
    if rounds.awaited(barrier.pk, barrier.generation).filter(agent_name=name).exists():
        return current
    one = current or rounds.opened(barrier, None, name)
    if one.state == State.WAITING:
        rounds.note_arrival(barrier, one, name, task.agent_id, task.run_id)
    return one


def _why(expected: ExpectedArrival) -> str:
    name, task = expected.agent_name, expected.task
    if task is None:
        detail = expected.item.detail if expected.item else "its batch is gone"
        return f"{name} was not asked: {detail}"
    state = TaskState(task.state)
    if state not in _OVER:
        run = task.agent.run if task.agent else None
        return rounds.died(name, run.reason if run else "")
    said = state.value.replace("_", " ")
    why = task.error or task.reason
    return f"task {task.pk} of {name} {'was ' if said == 'cancelled' else ''}{said}" + (
        f": {why}" if why and why != said else ""
    )


# -- who waits --


def _places() -> Iterator[tuple[int, int]]:
    """The rounds for which work waits."""
    for model in (Task, Batch):
        rows = model._default_manager.filter(waits_for__isnull=False).order_by()
        found = rows.values_list("waits_for", "waits_generation").distinct()
        yield from ((pk, number) for pk, number in found if number is not None)


def _tell_who_waits(barrier_id: int, generation: int) -> None:
    barrier = Barrier.objects.get(pk=barrier_id)
    one = barrier.rounds.filter(generation=generation).first()
    if one is None and generation >= barrier.generation:
        return
    if one is not None and one.state == State.WAITING:
        return
    if one is not None and one.state == State.TRIPPED:
        _let_begin(barrier, generation)
        return
    label = State(one.state).label.lower() if one else State.BROKEN.label.lower()
    why = f"round {generation} is {label}: {one.reason if one else RESET}"
    _cancel(barrier, generation, Asker(f"barrier {barrier.name}", VIA, why))


def _let_begin(barrier: Barrier, generation: int) -> None:
    free = {"waits_for": None, "waits_generation": None}
    place = {"waits_for": barrier.pk, "waits_generation": generation}
    reason = f"all have arrived at {barrier.name}, in round {generation}"
    with transaction.atomic():
        found = Task.objects.filter(**place).order_by("pk")
        for task_id, agent_id in list(found.values_list("pk", "agent_id")):
            if found.filter(pk=task_id).update(**free, reason=reason):
                changes.append_task(agent_id, task_id)
        if Batch.objects.filter(**place).update(**free):
            changes.append_of_hub(changes.BATCH)


def _cancel(barrier: Barrier, generation: int, asker: Asker) -> None:
    place = {"waits_for": barrier.pk, "waits_generation": generation}
    for task_id in list(Task.objects.filter(**place).values_list("pk", flat=True)):
        tasks.cancel(task_id, asker)
    for batch_id in list(Batch.objects.filter(**place).values_list("pk", flat=True)):
        batches.cancel(batch_id, asker)
