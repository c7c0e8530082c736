"""Who waits at rounds: which of them are over, told by one look for all who wait."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias

from django.db import transaction

from agents.models import Barrier, Round
from agents.models.choices import RoundStateChoice as State
from agents.policy.clock import Moment
from agents.services import rounds
from agents.services.rounds import Standing

# A barrier's name, and which round.
Place: TypeAlias = tuple[str, int]
DELETED = "the barrier was deleted"


@dataclass(frozen=True, slots=True)
class Look:
    """The rounds that are over; and when the first of the others has to be, at the
    latest, if that can be said."""

    over: dict[Place, Standing]
    deadline: Moment | None


def look(places: Collection[Place]) -> Look:
    """What has become of these rounds; one that is late is ended."""
    known = Barrier.objects.filter(name__in={name for name, _ in places})
    barriers = {barrier.name: barrier for barrier in known}
    found = Round.objects.filter(
        barrier__in=list(barriers.values()), generation__in={one for _, one in places}
    ).select_related("barrier")
    there = {(one.barrier.name, one.generation): one for one in found}
    over: dict[Place, Standing] = {}
    deadline: Moment | None = None
    for place in places:
        one = there.get(place)
        if one is None:
            if gone := _gone(place, barriers.get(place[0])):
                over[place] = gone
            continue
        if rounds.is_late(one):
            with transaction.atomic():
                rounds.end_if_late(one)
            one.refresh_from_db()
        if one.state != State.WAITING:
            over[place] = rounds.standing_of(one.barrier, one)
        elif one.deadline_boot_seconds is not None:
            own = Moment(one.deadline_boot, one.deadline_boot_seconds)
            deadline = own if deadline is None or own.at < deadline.at else deadline
    return Look(over, deadline)


def _gone(place: Place, barrier: Barrier | None) -> Standing | None:
    """A round without a row: nobody has come to it yet, or it was deleted."""
    name, generation = place
    if barrier is not None and generation >= barrier.generation:
        return None
    return Standing(name, generation, State.BROKEN, (), (), 0, DELETED)
