"""Which tasks of an agent may begin now, and in which order."""

from __future__ import annotations

from agents.models import Task
from agents.policy.clock import Moment
from agents.policy.tasks import TaskState
from agents.services import brake

# Neither has begun; one that waits for a lock keeps its place among the others.
_UNBEGUN = (TaskState.QUEUED, TaskState.WAITING_FOR_LOCK)
_UNTIL = ("not_before_boot", "not_before_boot_seconds", "waits_for")


def due(agent_id: int) -> list[int]:
    """The ids of all that may begin, the most urgent first, then the oldest.

    Of one conversation only the oldest, and only while none of it runs; none that waits
    for a barrier, and none at all while the fleet brake is pulled.
    """
    tasks = Task.objects.filter(agent=agent_id)
    running = tasks.filter(state=TaskState.RUNNING)
    taken = set(running.values_list("conversation", flat=True))
    rows = list(
        tasks.filter(~brake.holds(), state__in=_UNBEGUN)
        .order_by("-priority", "pk")
        .values_list("pk", "conversation", *_UNTIL)
    )
    oldest: dict[object, int] = {}
    for pk, conversation, *_ in rows:
        oldest[conversation] = min(pk, oldest.get(conversation, pk))
    return [
        pk
        for pk, conversation, boot, at, waits_for in rows
        if waits_for is None
        and conversation not in taken
        and oldest[conversation] == pk
        and seconds_until(boot, at) == 0.0
    ]


def next_due(agent_id: int) -> float | None:
    """Seconds until a queued task that waits may be claimed; None without one.

    One whose time has come waits for something else, and would be looked for forever.
    """
    waiting = Task.objects.filter(
        agent=agent_id, state=TaskState.QUEUED, not_before_boot_seconds__isnull=False
    ).values_list("not_before_boot", "not_before_boot_seconds")
    times = (seconds_until(boot, at) for boot, at in waiting)
    return min((seconds for seconds in times if seconds > 0), default=None)


def seconds_until(boot: str, at: float | None) -> float:
    """Seconds until this moment of the boot clock; 0 where it has passed."""
    return 0.0 if at is None else Moment(boot, at).seconds_until()
