"""Phases of work as people and programs see them. Read only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count

from agents.models import Barrier, Batch, ExpectedArrival, Task
from agents.models.choices import ExpectedStateChoice as Expected
from agents.policy.dependencies import listed
from agents.services import phases
from agents.services.figures import counted


def waiting_words(work: Task | Batch) -> str:
    """Why it does not begin, in words; empty where it waits for no barrier."""
    if work.waits_for is None or work.waits_generation is None:
        return ""
    return f"It {phases.words((work.waits_for, work.waits_generation))}."


def arrival_words(task: Task) -> str:
    """Where it arrives, and whether it has; empty where that is nowhere."""
    found: ExpectedArrival | None = getattr(task, "arrival", None)
    if found is None:
        return ""
    label = Expected(found.state).label.lower()
    return f"{found.barrier.name}, round {found.generation}: {label}"


def batch_words(batch: Batch) -> str:
    """Where its tasks arrive; empty where that is nowhere."""
    place = batch.arrives_at
    return "" if place is None else f"{place.name}, round {batch.arrives_generation}"


def waits_shape(work: Task | Batch) -> dict[str, Any] | None:
    """The round that it still waits for, as programs read it."""
    return _round(work.waits_for, work.waits_generation)


def task_arrival_shape(task: Task) -> dict[str, Any] | None:
    """Where a task arrives, as programs read it."""
    found: ExpectedArrival | None = getattr(task, "arrival", None)
    if found is None:
        return None
    return {
        "barrier": found.barrier.name,
        "generation": found.generation,
        "state": found.state,
    }


def batch_arrival_shape(batch: Batch) -> dict[str, Any] | None:
    """Where the tasks of a batch arrive, as programs read it."""
    return _round(batch.arrives_at, batch.arrives_generation)


def _round(barrier: Barrier | None, generation: int | None) -> dict[str, Any] | None:
    if barrier is None:
        return None
    return {"barrier": barrier.name, "generation": generation}


@dataclass(slots=True)
class WorkAt:
    """The work of one barrier: whose arrives there; `waits`: how much begins after it,
    in words."""

    coming: list[str] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        """`work of web and api arrives here; 2 tasks begin once all are there`."""
        coming = f"work of {listed(self.coming)} arrives here"
        return "; ".join([*([coming] if self.coming else []), *self.waits])


def work_at(barriers: Sequence[Barrier]) -> Mapping[int, WorkAt]:
    """What work comes to each and waits for it, by the barrier's id."""
    found = {barrier.pk: WorkAt() for barrier in barriers}
    awaited = ExpectedArrival.objects.filter(
        barrier__in=list(found), state=Expected.AWAITED
    )
    names = awaited.order_by("agent_name").values_list("barrier", "agent_name")
    for pk, name in names.distinct():
        found[pk].coming.append(name)
    for model, one, many in (
        (Task, "task begins", "tasks begin"),
        (Batch, "batch begins", "batches begin"),
    ):
        waiting = model._default_manager.filter(waits_for__in=list(found)).order_by()
        for pk, number in waiting.values_list("waits_for").annotate(Count("pk")):
            words = f"{counted(number, one, many)} once all are there"
            found[pk].waits.append(words)
    return found
