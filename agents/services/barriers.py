"""Barriers: made, arrived at, broken by who cannot come, reset by a person.

A barrier's row is locked by whoever changes it. What a round came to is written in the
transaction that brought it about, so nobody waits for somebody to look.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from agents.models import Agent, Arrival, Barrier, Round, Run
from agents.models.choices import OnFailureChoice as OnFailure
from agents.models.choices import RoundStateChoice as State
from agents.policy import setup
from agents.policy.clock import Moment
from agents.services import changes

MOST_PARTIES: Final = 10_000
LONGEST_TIMEOUT: Final = 30 * 86_400.0


class BadBarrier(ValueError):
    """It cannot be made, or not met at like this; the message says what to change."""


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


def make(
    name: str,
    parties: int | Sequence[str],
    *,
    by: str,
    timeout: float | None = None,
    on_failure: str = OnFailure.BREAK,
) -> tuple[Barrier, bool]:
    """The barrier of this name, and whether it is new. Raises BadBarrier.

    Asked for again in the same words it is the same barrier; in others it is refused.
    """
    members = () if isinstance(parties, int) else tuple(sorted(set(parties)))
    count = parties if isinstance(parties, int) else len(members)
    _check(name, count, members, timeout, on_failure)
    wanted = {
        "parties": count,
        "members": list(members),
        "timeout": timeout,
        "on_failure": on_failure,
    }
    barrier, new = Barrier.objects.get_or_create(
        name=name, defaults=wanted | {"created_by": by}
    )
    if any(getattr(barrier, key) != value for key, value in wanted.items()):
        raise BadBarrier(
            f"There is a barrier {name!r} for other parties. Choose another name."
        )
    return barrier, new


def _check(
    name: str,
    count: int,
    members: Sequence[str],
    timeout: float | None,
    on_failure: str,
) -> None:
    if setup.name_problem(name):
        raise BadBarrier(
            "A barrier's name has 1 to 63 letters, digits, '-' or '_' and begins with "
            "a letter or digit."
        )
    if not 1 <= count <= MOST_PARTIES:
        raise BadBarrier(f"1 to {MOST_PARTIES:,} parties can meet.")
    if timeout is not None and not 0 < timeout <= LONGEST_TIMEOUT:
        raise BadBarrier("A timeout is more than 0 s and 30 days at most.")
    if on_failure not in OnFailure.values:
        raise BadBarrier(f"on_failure is one of {', '.join(OnFailure.values)}.")
    known = Agent.objects.filter(name__in=members).values_list("name", flat=True)
    if strangers := sorted(set(members) - set(known)):
        raise BadBarrier(f"There is no agent {strangers[0]!r}.")


def arrive(name: str, agent_id: int, run_id: uuid.UUID | None) -> Standing:
    """The agent is there; the last one lets all go. Twice in a round is once.

    Raises Barrier.DoesNotExist, and BadBarrier for who is not expected. At a round that
    is broken or timed out nobody arrives: that is answered until somebody resets it.
    """
    agent = Agent.objects.only("name").get(pk=agent_id)
    with transaction.atomic():
        barrier = Barrier.objects.select_for_update().get(name=name)
        if barrier.members and agent.name not in barrier.members:
            raise BadBarrier(f"{agent.name} is none of those who meet at {name}.")
        current = _round_to_join(barrier)
        if current.state != State.WAITING:
            return _standing(barrier, current)
        _, new = Arrival.objects.get_or_create(
            round=current,
            agent_name=agent.name,
            defaults={"agent_id": agent_id, "run_id": run_id},
        )
        if new:
            if current.arrivals.count() >= barrier.parties:
                _finish(current, State.TRIPPED, "all have arrived")
            changes.append(changes.BARRIER, [agent_id])
        return _standing(barrier, current)


def standing(name: str, generation: int | None = None) -> Standing:
    """A round as it is now, the latest if none is named. Raises Barrier.DoesNotExist,
    Round.DoesNotExist."""
    with transaction.atomic():
        barrier = Barrier.objects.select_for_update().get(name=name)
        number = barrier.generation if generation is None else generation
        found = barrier.rounds.filter(generation=number).first()
        if found is None and number == barrier.generation:
            found = Round(barrier=barrier, generation=number)
        if found is None:
            raise Round.DoesNotExist(f"{name} has no round {number}")
        _end_if_late(found)
        return _standing(barrier, found)


def reset(name: str, by: str, reason: str = "") -> Standing:
    """Begin a new round; who waits in the current one is told that it is broken."""
    with transaction.atomic():
        barrier = Barrier.objects.select_for_update().get(name=name)
        current = barrier.rounds.filter(generation=barrier.generation).first()
        if current is not None:
            if current.state == State.WAITING:
                words = f"reset by {by}" + (f": {reason}" if reason else "")
                _finish(current, State.BROKEN, words)
            barrier.generation += 1
            barrier.save(update_fields=["generation"])
        return _standing(barrier, Round(barrier=barrier, generation=barrier.generation))


def told_of_ends(run_ids: Sequence[uuid.UUID]) -> None:
    """These runs are over: rounds that expect their agents, and break, are broken.

    Called within the transaction that records the ends.
    """
    open_rounds = Round.objects.filter(
        state=State.WAITING, barrier__on_failure=OnFailure.BREAK
    )
    if not run_ids or not open_rounds.exists():
        return
    ended = dict(Run.objects.filter(pk__in=run_ids).values_list("agent_name", "reason"))
    for one in open_rounds.select_related("barrier").order_by("barrier_id"):
        dead = ended.keys() & set(one.barrier.members)
        if dead:
            _break_without(one.barrier_id, dead, ended)


def _break_without(barrier_id: int, dead: set[str], reasons: dict[str, str]) -> None:
    barrier = Barrier.objects.select_for_update().get(pk=barrier_id)
    current = _current(barrier)
    if current is None or current.state != State.WAITING:
        return
    there = set(current.arrivals.values_list("agent_name", flat=True))
    if missed := sorted(dead - there):
        name = missed[0]
        words = f"{name} ended before it arrived" + (
            f": {reasons[name]}" if reasons[name] else ""
        )
        _finish(current, State.BROKEN, words)


def _current(barrier: Barrier) -> Round | None:
    return barrier.rounds.filter(generation=barrier.generation).first()


def _round_to_join(barrier: Barrier) -> Round:
    """The current one, or after one that has tripped the next."""
    current = _current(barrier)
    if current is not None:
        _end_if_late(current)
        if current.state != State.TRIPPED:
            return current
        barrier.generation += 1
        barrier.save(update_fields=["generation"])
    fresh = Round(barrier=barrier, generation=barrier.generation)
    if barrier.timeout is not None:
        moment = Moment.now().later(barrier.timeout)
        fresh.deadline_at = timezone.now() + timedelta(seconds=barrier.timeout)
        fresh.deadline_boot, fresh.deadline_boot_seconds = moment.boot, moment.at
    fresh.save(force_insert=True)
    return fresh


def _end_if_late(one: Round) -> None:
    if one.state != State.WAITING or one.deadline_boot_seconds is None:
        return
    if Moment(one.deadline_boot, one.deadline_boot_seconds).seconds_until() == 0.0:
        _finish(one, State.TIMED_OUT, "not all arrived in time")


def _finish(one: Round, state: State, reason: str) -> None:
    now = timezone.now()
    done = Round.objects.filter(pk=one.pk, state=State.WAITING).update(
        state=state, reason=reason, ended_at=now
    )
    if done:
        one.state, one.reason, one.ended_at = state, reason, now
        there = one.arrivals.filter(agent__isnull=False)
        changes.append(
            changes.BARRIER,
            [pk for pk in there.values_list("agent_id", flat=True) if pk],
        )


def _standing(barrier: Barrier, one: Round) -> Standing:
    there = one.arrivals.values_list("agent_name", flat=True) if one.pk else ()
    arrived = tuple(there)
    missing = tuple(name for name in barrier.members if name not in arrived)
    return Standing(
        barrier=barrier.name,
        generation=one.generation,
        state=one.state,
        arrived=arrived,
        missing=missing,
        lacking=max(0, barrier.parties - len(arrived)),
        reason=one.reason,
    )
