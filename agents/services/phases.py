"""Phases of work: which round a task or batch arrives in, and for which one it waits.

What may enter: what is bound to barriers in the transaction that records the work.
What becomes of it is `phase_steps`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from django.utils import timezone

from agents.models import Barrier, BatchItem, ExpectedArrival, Round, Task
from agents.models.choices import ExpectedStateChoice as Expected
from agents.models.choices import RoundStateChoice as State
from agents.services import barriers, changes, phase_order, rounds
from agents.services.barriers import BadBarrier
from agents.services.bulk import insert_many
from agents.services.phase_order import Key

# A barrier, and which round of it.
Place: TypeAlias = tuple[Barrier, int]


class BadPhase(ValueError):
    """The work cannot be bound like this; the message says what to change, `field`
    where."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Phase:
    """Where work stands among other work.

    `barrier`: where its agents arrive when it has succeeded; `parties`: who meet there,
    as a number or by name, None where the barrier is there already. `after`: a barrier
    at which all have to have arrived before it begins.
    """

    barrier: str = ""
    parties: int | Sequence[str] | None = None
    after: str = ""


@dataclass(frozen=True, slots=True)
class Bound:
    """The rounds that were found for it; `waits` is None where it need not wait."""

    arrives: Place | None = None
    waits: Place | None = None


def parties_of(words: Sequence[str]) -> int | Sequence[str] | None:
    """Names, or how many they are; None where there is no word."""
    if len(words) == 1 and words[0].isdecimal() and len(words[0]) < 10:
        return int(words[0])
    return tuple(words) or None


def words(place: Place) -> str:
    """What is waited for there."""
    barrier, generation = place
    return f"waits until all have arrived at {barrier.name}, in round {generation}"


def problem(phase: Phase) -> tuple[str, str] | None:
    """The first thing that is wrong with it whatever there is: which field, and what to
    change."""
    if phase.parties is not None and not phase.barrier:
        return "parties", "Name the barrier at which these parties meet."
    if phase.after and phase.after == phase.barrier:
        return "after", "Work cannot wait for its own arrival. Use two barriers."
    return None


def bind(
    phase: Phase, agent_names: Sequence[str], by: str, behind: Iterable[Task] = ()
) -> Bound:
    """The rounds for work of these agents; the barrier is made if it is not there.

    `behind`: tasks that have to end before it begins. The barriers are locked until
    the commit. Raises BadPhase.
    """
    if wrong := problem(phase):
        raise BadPhase(wrong[1], wrong[0])
    if phase == Phase():
        return Bound()
    if phase.barrier:
        _make(phase, agent_names, by)
    names = [name for name in (phase.barrier, phase.after) if name]
    locked = Barrier.objects.select_for_update().filter(name__in=names).order_by("pk")
    there = {barrier.name: barrier for barrier in locked}
    for field, name in (("barrier", phase.barrier), ("after", phase.after)):
        if name and name not in there:
            raise BadPhase(
                f"There is no barrier {name!r}. Ask for the work that arrives there "
                "first."
                if field == "after"
                else f"There is no barrier {name!r}. Say which parties meet there.",
                field,
            )
    waits = _to_wait_for(there[phase.after]) if phase.after else None
    arrives = None
    if phase.barrier:
        arrives = _to_arrive_in(there[phase.barrier], agent_names)
    if arrives is not None:
        first: list[Key] = [] if waits is None else [(waits[0].pk, waits[1])]
        first += [(one.waits_for_id, one.waits_generation) for one in behind]
        if phase_order.comes_after(first, (arrives[0].pk, arrives[1])):
            raise BadPhase(
                f"It would begin only once all have arrived at {phase.barrier}, where "
                "it arrives itself: none of this would ever begin.",
                "after" if phase.after else "barrier",
            )
    return Bound(arrives, waits)


def _make(phase: Phase, agent_names: Sequence[str], by: str) -> None:
    parties = phase.parties
    if parties is None:
        if len(agent_names) < 2 or Barrier.objects.filter(name=phase.barrier).exists():
            return
        parties = agent_names
    try:
        _, new = barriers.make(phase.barrier, parties, by=by)
    except BadBarrier as error:
        field = "parties" if error.field == "parties" else "barrier"
        raise BadPhase(str(error), field) from None
    if new:
        changes.append_barrier()


def _to_wait_for(barrier: Barrier) -> Place | None:
    """The round that is on; None where all were there and no other has begun."""
    current = rounds.current(barrier)
    if current is not None:
        rounds.end_if_late(current)
        if current.state == State.TRIPPED:
            return None
        if current.state != State.WAITING:
            raise BadPhase(_over(barrier, current), "after")
    return barrier, barrier.generation


def _to_arrive_in(barrier: Barrier, agent_names: Sequence[str]) -> Place:
    """The round that is on; after one that has tripped the next begins."""
    current = rounds.current(barrier)
    here: set[str] = set()
    if current is not None:
        rounds.end_if_late(current)
        if current.state == State.TRIPPED:
            rounds.begin_next(barrier, current.ended_at or timezone.now())
            changes.append_barrier()
        elif current.state != State.WAITING:
            raise BadPhase(_over(barrier, current), "barrier")
        else:
            here = set(current.arrivals.values_list("agent_name", flat=True))
    comers = set(agent_names)
    if early := sorted(comers & here):
        raise BadPhase(
            f"{early[0]} is at {barrier.name} already, where others are still missing. "
            "Ask once they are there, or use another barrier.",
            "barrier",
        )
    if barrier.members:
        if strangers := sorted(comers - set(barrier.members)):
            raise BadPhase(
                f"{strangers[0]} is none of those who meet at {barrier.name}.",
                "barrier",
            )
    elif len(comers | here | rounds.at_work(barrier)) > barrier.parties:
        raise BadPhase(
            f"{barrier.parties} meet at {barrier.name}, and with these there are more.",
            "barrier",
        )
    return barrier, barrier.generation


def _over(barrier: Barrier, one: Round) -> str:
    label = State(one.state).label.lower()
    return (
        f"{barrier.name} is {label}: {one.reason}. Reset it, then ask again for all "
        "that was to meet there."
    )


def expect_task(task: Task, place: Place | None) -> None:
    """This task arrives there."""
    if place is not None:
        barrier, generation = place
        ExpectedArrival.objects.create(
            barrier=barrier,
            generation=generation,
            agent_name=task.agent_name,
            task=task,
        )
        changes.append_barrier()


def expect_items(batch_id: int, place: Place | None) -> None:
    """So do the agents of this batch that are to be asked."""
    if place is None:
        return
    barrier, generation = place
    now = timezone.now()
    items = BatchItem.objects.filter(batch=batch_id, agent__isnull=False)
    insert_many(
        ExpectedArrival,
        ("barrier", "generation", "agent_name", "item", "state", "at"),
        [
            (barrier.pk, generation, name, pk, Expected.AWAITED.value, now)
            for pk, name in items.values_list("pk", "agent_name")
        ],
    )
    changes.append_barrier()


def asked(item_id: int, task_id: int) -> None:
    """The work of this item of a batch is this task."""
    ExpectedArrival.objects.filter(item=item_id).update(task=task_id)
