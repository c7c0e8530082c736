"""Barriers: made, arrived at, reset by a person, deleted.

A barrier's row is locked by whoever changes it. What a round came to is written in the
transaction that brought it about, so nobody waits for somebody to look.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Final

from django.db import transaction
from django.utils import timezone

from agents.models import Agent, Barrier, Batch, Round, Run, Task
from agents.models.choices import OnFailureChoice as OnFailure
from agents.models.choices import RoundStateChoice as State
from agents.policy import setup
from agents.services import changes, rounds
from agents.services.rounds import Standing as Standing

MOST_PARTIES: Final = 10_000
LONGEST_TIMEOUT: Final = 30 * 86_400.0


class BadBarrier(ValueError):
    """It cannot be made, or not met at like this; the message says what to change,
    `field` where."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class BarrierTaken(BadBarrier):
    """There is one of this name, for other parties."""


class NotExpected(BadBarrier):
    """Who would arrive is none of the parties, or its run is over."""


class StillMet(BadBarrier):
    """Somebody waits there."""


def make(
    name: str,
    parties: int | Sequence[str],
    *,
    by: str,
    timeout: float | None = None,
    on_failure: str = OnFailure.BREAK,
) -> tuple[Barrier, bool]:
    """The barrier of this name, and whether it is new. Raises BadBarrier.

    `parties`: how many meet, whoever they are, or the names of the agents that do.
    Where only a number is known, nobody can say who is missing, and the death of an
    agent breaks nothing: give names, or a timeout.

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
        raise BarrierTaken(
            f"There is a barrier {name!r} that is not like this one. Choose another "
            "name.",
            "name",
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
            "a letter or digit.",
            "name",
        )
    if not 1 <= count <= MOST_PARTIES:
        raise BadBarrier(f"1 to {MOST_PARTIES:,} parties can meet.", "parties")
    if timeout is not None and not 0 < timeout <= LONGEST_TIMEOUT:
        raise BadBarrier("A timeout is more than 0 s and 30 days at most.", "timeout")
    if on_failure not in OnFailure.values:
        raise BadBarrier(
            f"on_failure is one of {', '.join(OnFailure.values)}.", "on_failure"
        )
    known = Agent.objects.filter(name__in=members).values_list("name", flat=True)
    if strangers := sorted(set(members) - set(known)):
        raise BadBarrier(f"There is no agent {strangers[0]!r}.", "parties")


def arrive(
    name: str,
    agent_id: int,
    run_id: uuid.UUID | None,
    generation: int | None = None,
) -> Standing:
    """The agent is there; the last one lets all go. Twice in a round is once.

    `generation`: the round that is meant; one that is over, or not begun, is told as
    it is. Without it, whoever comes after a round has tripped comes to the next.
    At a round that is broken or timed out nobody arrives: that is answered until
    somebody resets it. Raises Barrier.DoesNotExist, Round.DoesNotExist, NotExpected.
    """
    with transaction.atomic():
        agent = Agent.objects.only("name").get(pk=agent_id)
        # Before the barrier's row: who records an end takes them in this order.
        if run_id is not None and not _lives(run_id):
            raise NotExpected(f"This run of {agent.name} is over.")
        barrier = rounds.locked(name)
        if barrier.members and agent.name not in barrier.members:
            raise NotExpected(f"{agent.name} is none of those who meet at {name}.")
        if generation is not None and not _may_come(barrier, generation):
            return _standing(barrier, generation)
        current = _round_to_join(barrier, run_id, agent.name)
        if current.state == State.WAITING:
            rounds.note_arrival(barrier, current, agent.name, agent.pk, run_id)
        return rounds.standing_of(barrier, current)


def _lives(run_id: uuid.UUID) -> bool:
    open_ones = Run.objects.select_for_update().filter(pk=run_id, ended_at=None)
    return open_ones.values_list("pk", flat=True).first() is not None


def _may_come(barrier: Barrier, generation: int) -> bool:
    """Whether somebody can arrive in this very round: it is the current one, or the
    one after a round that has tripped."""
    now = rounds.current(barrier)
    tripped = now is not None and now.state == State.TRIPPED
    return generation == barrier.generation + tripped


def _round_to_join(barrier: Barrier, run_id: uuid.UUID | None, comes: str) -> Round:
    """The current one, or after one that has tripped the next."""
    current = rounds.current(barrier)
    if current is not None:
        rounds.end_if_late(current)
        if current.state != State.TRIPPED:
            return current
        rounds.begin_next(barrier, current.ended_at or timezone.now())
    return rounds.opened(barrier, run_id, comes)


def standing(name: str, generation: int | None = None) -> Standing:
    """A round as it is now, the latest if none is named: a look, which waits for
    nobody. Raises Barrier.DoesNotExist, Round.DoesNotExist."""
    barrier = Barrier.objects.get(name=name)
    return _standing(barrier, generation or barrier.generation)


def _standing(barrier: Barrier, generation: int) -> Standing:
    found = barrier.rounds.filter(generation=generation).first()
    if found is None and generation == barrier.generation:
        found = Round(barrier=barrier, generation=generation)
    if found is None:
        raise Round.DoesNotExist(f"{barrier.name} has no round {generation}")
    with transaction.atomic() if rounds.is_late(found) else nullcontext():
        rounds.end_if_late(found)
    return rounds.standing_of(barrier, found)


def reset(name: str, by: str, reason: str = "") -> Standing:
    """Begin a new round; who waits in the current one is told that it is broken.

    Raises Barrier.DoesNotExist.
    """
    with transaction.atomic():
        barrier = rounds.locked(name)
        current = rounds.current(barrier)
        if current is None and (_somebody_waits(barrier) or rounds.at_work(barrier)):
            current = rounds.unopened(barrier)
        if current is not None:
            rounds.end_if_late(current)
            words = f"reset by {by}" + (f": {reason}" if reason else "")
            rounds.finish(current, State.BROKEN, words)
            rounds.begin_next(barrier, timezone.now())
            changes.append_barrier()
        return _standing(barrier, barrier.generation)


def _somebody_waits(barrier: Barrier) -> bool:
    """Whether work begins only once all are there."""
    return any(
        model._default_manager.filter(waits_for=barrier).exists()
        for model in (Task, Batch)
    )


def delete(name: str) -> None:
    """With all its rounds. Raises Barrier.DoesNotExist, and StillMet while somebody
    waits there."""
    with transaction.atomic():
        barrier = rounds.locked(name)
        current = rounds.current(barrier)
        if current is not None:
            rounds.end_if_late(current)
        if current is not None and current.state == State.WAITING:
            raise StillMet(f"Agents wait at {name}. Reset it before deleting it.")
        if _somebody_waits(barrier):
            raise StillMet(
                f"Work waits until all have arrived at {name}. Reset it before "
                "deleting it."
            )
        barrier.delete()
        changes.append_barrier()
