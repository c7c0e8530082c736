"""What begins after what: whether work would wait for its own arrival. Read only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias
from uuid import UUID

from agents.models import Batch, ExpectedArrival, Task
from agents.models.choices import ExpectedStateChoice as Expected

# A barrier's id, and which round of it.
Key: TypeAlias = tuple[int | None, int | None]


def comes_after(first: list[Key], other: Key) -> bool:
    """Whether anybody arrives in one of these rounds only once all are in the other."""
    before: dict[Key, set[Key]] = {}
    for arrives, waits in _waits():
        before.setdefault(arrives, set()).add(waits)
    seen: set[Key] = set()
    while first:
        if (key := first.pop()) not in seen:
            seen.add(key)
            first += before.get(key, ())
    return other in seen


def _waits() -> Iterator[tuple[Key, Key]]:
    """Of work that waits, and of what is behind it in its conversation: the round in
    which it arrives, and the one for which it waits."""
    batches = Batch.objects.filter(waits_for__isnull=False, arrives_at__isnull=False)
    for one in batches:
        yield (
            (one.arrives_at_id, one.arrives_generation),
            (one.waits_for_id, one.waits_generation),
        )
    waiting: dict[UUID, list[Task]] = {}
    for task in Task.objects.filter(waits_for__isnull=False).order_by("pk"):
        waiting.setdefault(task.conversation, []).append(task)
    comers = ExpectedArrival.objects.filter(
        state=Expected.AWAITED, task__conversation__in=list(waiting)
    ).select_related("task")
    for comer in comers:
        assert comer.task is not None, "it was found by it"
        for task in waiting[comer.task.conversation]:
            if task.pk <= comer.task.pk:
                yield (
                    (comer.barrier_id, comer.generation),
                    (task.waits_for_id, task.waits_generation),
                )
