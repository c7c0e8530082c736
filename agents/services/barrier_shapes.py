"""The shapes in which programs read barriers, and which rounds belong to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from django.db.models import F, Prefetch

from agents.models import Arrival, Barrier, Round
from agents.models.choices import RoundStateChoice as State
from agents.services import rounds
from agents.services.rounds import Standing
from agents.services.shapes import utc


def standing_shape(standing: Standing) -> dict[str, Any]:
    """What who arrives is answered."""
    return asdict(standing)


def current_rounds(barriers: Iterable[Barrier]) -> dict[int, Round]:
    """The round that each is at, with its arrivals, by the barrier's id; none where
    nobody has come yet."""
    found = Round.objects.filter(
        barrier__in=list(barriers), generation=F("barrier__generation")
    )
    return {one.barrier_id: one for one in found.prefetch_related(with_arrivals())}


def one_round(barrier: Barrier, generation: int) -> Round | None:
    """That round of it, with its arrivals."""
    found = barrier.rounds.filter(generation=generation)
    return found.prefetch_related(with_arrivals()).first()


def with_arrivals() -> Prefetch[str]:
    """In the order in which they came, and with the number of each run."""
    came = Arrival.objects.select_related("run").defer("run__setup").order_by("pk")
    return Prefetch("arrivals", queryset=came, to_attr="came")


def barrier_shape(
    barrier: Barrier, one: Round | None, generation: int | None = None
) -> dict[str, Any]:
    """A barrier and one of its rounds; None: `generation`, to which nobody came yet."""
    came: Sequence[Arrival] = one.came if one else ()  # type: ignore[attr-defined]
    arrived = [arrival.agent_name for arrival in came]
    there = set(arrived)
    state = State.WAITING.value if one is None else one.state
    if one is not None and rounds.is_late(one):
        state = State.TIMED_OUT.value
    return {
        "name": barrier.name,
        "parties": barrier.members or barrier.parties,
        "timeout": barrier.timeout,
        "on_failure": barrier.on_failure,
        "created_by": barrier.created_by,
        "created_at": utc(barrier.created_at),
        "state": state,
        "generation": one.generation if one else generation or barrier.generation,
        "arrived": arrived,
        "missing": [name for name in barrier.members if name not in there],
        "lacking": max(0, barrier.parties - len(arrived)),
        "reason": one.reason if one else "",
        "began_at": utc(one.began_at) if one else None,
        "deadline_at": utc(one.deadline_at) if one else None,
        "ended_at": utc(one.ended_at) if one else None,
        "arrivals": [
            {
                "agent": arrival.agent_name,
                "run": arrival.run.number if arrival.run else None,
                "at": utc(arrival.at),
            }
            for arrival in came
        ],
    }
