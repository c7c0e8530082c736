"""One round of a barrier: opened by who arrives first, over once, and for one reason.

What may enter: what reads or writes a Round while its barrier's row is locked.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, QuerySet
from django.utils import timezone

from agents.models import Agent, Arrival, Barrier, ExpectedArrival, Round, Run
from agents.models.choices import ExpectedStateChoice as Expected
from agents.models.choices import OnFailureChoice as OnFailure
from agents.models.choices import RoundStateChoice as State
from agents.policy.clock import Moment
from agents.services import changes


@dataclass(frozen=True, slots=True)
class Standing:
    """One round, as it is now. `missing`: the names of who is expected, if known;
    `lacking`: how many are."""

    barrier: str
    generation: int
    state: str
    arrived: tuple[str, ...]
    missing: tuple[str, ...]
    lacking: int
    reason: str


def locked(name: str) -> Barrier:
    """The barrier of this name, until the commit. Raises Barrier.DoesNotExist."""
    return Barrier.objects.select_for_update().get(name=name)


def current(barrier: Barrier) -> Round | None:
    """The round of the barrier's generation; None while nobody has come to it."""
    return barrier.rounds.filter(generation=barrier.generation).first()


def begin_next(barrier: Barrier, since: datetime) -> None:
    """The generation after this one, which began when this one was over."""
    barrier.generation += 1
    barrier.generation_at = since
    barrier.save(update_fields=["generation", "generation_at"])


def unopened(barrier: Barrier) -> Round:
    """A new round to which nobody has come."""
    return Round.objects.create(barrier=barrier, generation=barrier.generation)


def opened(barrier: Barrier, run_id: uuid.UUID | None, comes: str) -> Round:
    """A new round, which `comes` is the first to come to.

    Over at once if somebody who is expected died while this run lived, or is no agent
    any more: nobody would tell of it later.
    """
    one = Round(barrier=barrier, generation=barrier.generation)
    if barrier.timeout is not None:
        moment = Moment.now().later(barrier.timeout)
        one.deadline_at = timezone.now() + timedelta(seconds=barrier.timeout)
        one.deadline_boot, one.deadline_boot_seconds = moment.boot, moment.at
    one.save(force_insert=True)
    if why := _cannot_come(barrier, run_id, comes):
        finish(one, State.BROKEN, why)
    return one


def _cannot_come(barrier: Barrier, run_id: uuid.UUID | None, comes: str) -> str:
    others = [name for name in barrier.members if name != comes]
    if not others:
        return ""
    there = Agent.objects.filter(name__in=others).values_list("name", flat=True)
    if gone := sorted(set(others) - set(there)):
        return f"there is no agent {gone[0]} any more"
    if barrier.on_failure != OnFailure.BREAK or run_id is None:
        return ""
    mine = Run.objects.values_list("created_at", flat=True).get(pk=run_id)
    # Their rows are locked, or an end that is just being recorded would find no round.
    latest = Run.objects.select_for_update(of=("self",)).filter(
        agent__name__in=others, agent__run=F("pk")
    )
    since = max(mine, barrier.generation_at)
    dead = latest.filter(ended_at__gt=since).exclude(agent_name__in=at_work(barrier))
    ended = dead.order_by("agent_name")
    first = ended.values_list("agent_name", "reason").first()
    return "" if first is None else died(*first)


def died(name: str, reason: str) -> str:
    """Why a round is broken, in words."""
    return f"{name} ended before it arrived" + (f": {reason}" if reason else "")


def at_work(barrier: Barrier) -> set[str]:
    """The agents whose work is still to arrive in the round that is on: they are not
    dead with a run, the next one goes on with the work."""
    expected = awaited(barrier.pk, barrier.generation)
    return set(expected.values_list("agent_name", flat=True))


def awaited(barrier_id: int, generation: int) -> QuerySet[ExpectedArrival]:
    """Work that is still to arrive in this round."""
    return ExpectedArrival.objects.filter(
        barrier=barrier_id, generation=generation, state=Expected.AWAITED
    )


def note_arrival(
    barrier: Barrier,
    one: Round,
    agent_name: str,
    agent_id: int | None,
    run_id: uuid.UUID | None,
) -> None:
    """It is there, if it was not before; the last one lets all go."""
    _, new = Arrival.objects.get_or_create(
        round=one,
        agent_name=agent_name,
        defaults={"agent_id": agent_id, "run_id": run_id},
    )
    if not new:
        return
    changes.append_barrier()
    if one.arrivals.count() >= barrier.parties:
        finish(one, State.TRIPPED, "all have arrived")


def settle(expected: QuerySet[ExpectedArrival], state: Expected) -> None:
    """This came of work that was expected; whoever looks at it is told."""
    found = list(expected.values_list("pk", "task", "task__agent"))
    settled = ExpectedArrival.objects.filter(pk__in=[pk for pk, *_ in found])
    settled.update(state=state)
    for _, task_id, agent_id in found:
        if task_id is not None:
            changes.append_task(agent_id, task_id)


def is_late(one: Round) -> bool:
    """Whether it waits though its time is over."""
    if one.state != State.WAITING or one.deadline_boot_seconds is None:
        return False
    moment = Moment(one.deadline_boot, one.deadline_boot_seconds)
    return moment.seconds_until() == 0.0


def end_if_late(one: Round) -> bool:
    """Whether its time was over, and it with it."""
    if late := is_late(one):
        finish(one, State.TIMED_OUT, "not all arrived in time")
    return late


def finish(one: Round, state: State, reason: str) -> None:
    """It is over, unless it was before; work that would have come is late for it."""
    now = timezone.now()
    done = Round.objects.filter(pk=one.pk, state=State.WAITING).update(
        state=state, reason=reason, ended_at=now
    )
    if done:
        one.state, one.reason, one.ended_at = state, reason, now
        settle(awaited(one.barrier_id, one.generation), Expected.LATE)
        changes.append_barrier()


def standing_of(barrier: Barrier, one: Round) -> Standing:
    """How it is; one that nobody has come to yet has no row."""
    there: Sequence[str] = ()
    if one.pk:
        there = list(one.arrivals.values_list("agent_name", flat=True))
    arrived = set(there)
    return Standing(
        barrier=barrier.name,
        generation=one.generation,
        state=one.state,
        arrived=tuple(there),
        missing=tuple(name for name in barrier.members if name not in arrived),
        lacking=max(0, barrier.parties - len(there)),
        reason=one.reason,
    )
