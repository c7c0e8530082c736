"""Rounds that end though nobody arrives: somebody died or was deleted, or it is late.

What may enter: what breaks a round from outside. The deaths of runs are told within the
transaction that records them.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence

from django.db import transaction
from django.db.models import QuerySet

from agents.models import Barrier, Round, Run
from agents.models.choices import OnFailureChoice as OnFailure
from agents.models.choices import RoundStateChoice as State
from agents.policy.clock import Moment
from agents.services import rounds


def told_of_ends(run_ids: Sequence[uuid.UUID]) -> None:
    """These runs are over: rounds that expect their agents, and break, are broken."""
    open_rounds = _open().filter(barrier__on_failure=OnFailure.BREAK)
    if not run_ids or not open_rounds.exists():
        return
    found = Run.objects.filter(pk__in=run_ids).values_list("agent_name", "reason")
    ended = {name: rounds.died(name, reason) for name, reason in found}
    _break(list(open_rounds), ended, rounds.at_work)


def told_of_deletion(agent_name: str) -> None:
    """This agent is being deleted: it arrives nowhere any more."""
    words = f"{agent_name} was deleted before it arrived"
    _break(list(_open()), {agent_name: words}, lambda _: set())


def _break(
    open_rounds: Sequence[Round],
    lost: Mapping[str, str],
    spared: Callable[[Barrier], set[str]],
) -> None:
    """`lost`: who does not come any more, and why; `spared`: who still does."""
    for one in open_rounds:
        expected = lost.keys() & set(one.barrier.members)
        if not expected:
            continue
        barrier = rounds.locked(one.barrier.name)
        current = rounds.current(barrier)
        if current is None or current.state != State.WAITING:
            continue
        there = set(current.arrivals.values_list("agent_name", flat=True))
        if missed := sorted(expected - there - spared(barrier)):
            rounds.finish(current, State.BROKEN, lost[missed[0]])


def end_late() -> float | None:
    """End every round whose time is over; seconds until the next one's is, None
    without one. A query of some microseconds while no round has a deadline."""
    columns = ("barrier_id", "deadline_boot", "deadline_boot_seconds")
    timed = Round.objects.filter(
        state=State.WAITING, deadline_boot_seconds__isnull=False
    ).order_by("barrier_id")
    soonest: float | None = None
    for barrier_id, boot, at in timed.values_list(*columns):
        assert at is not None, "they were found by it"
        left = Moment(boot, at).seconds_until()
        if left == 0.0:
            _end_late(barrier_id)
        elif soonest is None or left < soonest:
            soonest = left
    return soonest


def _end_late(barrier_id: int) -> None:
    with transaction.atomic():
        barrier = Barrier.objects.select_for_update().filter(pk=barrier_id).first()
        current = None if barrier is None else rounds.current(barrier)
        if current is not None:
            rounds.end_if_late(current)


def _open() -> QuerySet[Round]:
    """In the order in which everybody locks their barriers."""
    waiting = Round.objects.filter(state=State.WAITING)
    return waiting.select_related("barrier").order_by("barrier_id")
