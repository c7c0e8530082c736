"""Barriers as people see them: who is here, who is missing, and what keeps them.

What may enter: what the page of barriers shows. Read only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import Case, Exists, IntegerField, OuterRef, Value, When
from django.urls import reverse

from agents.models import Agent, Arrival, Barrier, Round
from agents.models.choices import OnFailureChoice as OnFailure
from agents.models.choices import RoundStateChoice as State
from agents.models.choices import StatusChoice
from agents.services import barrier_shapes, phase_view, rounds
from agents.services.figures import Stamp, counted, seconds, stamp, stamp_or_none
from agents.services.phase_view import WorkAt

# Barriers on the page, and names of each that are told one by one.
MOST: Final = 100
MOST_NAMES: Final = 20
# Tone, icon and word of a round.
LOOKS: Final[Mapping[str, tuple[str, str, str]]] = {
    "": ("stopped", "call-open", "Nobody yet"),
    State.WAITING: ("starting", "activity-waiting", "Waiting"),
    State.TRIPPED: ("running", "check", "All were there"),
    State.BROKEN: ("crashed", "warning", "Broken"),
    State.TIMED_OUT: ("backoff", "task-timed_out", "Timed out"),
}


@dataclass(frozen=True, slots=True)
class Came:
    """Who is here, by which run, since when."""

    name: str
    url: str
    run: int | None
    at: Stamp


@dataclass(frozen=True, slots=True)
class Awaited:
    """Who is missing, and how that agent is; without a status there is none."""

    name: str
    url: str
    status: str = ""
    label: str = ""
    since: Stamp | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class BarrierView:
    """One barrier and its round. `unnamed`: how many are missing whom nobody knows;
    `work`: which work arrives there, and what begins after it."""

    name: str
    tone: str
    icon: str
    state: str
    round: int
    here: int
    parties: int
    reason: str
    since: Stamp
    deadline: Stamp | None
    rule: str
    made_by: str
    came: Sequence[Came]
    more_came: int
    awaited: Sequence[Awaited]
    more_awaited: int
    unnamed: int
    waited_for: bool
    work: str


@dataclass(frozen=True, slots=True)
class BarriersView:
    """Those at which somebody waits first. `beyond`: how many are not shown."""

    barriers: Sequence[BarrierView]
    beyond: int


def page() -> BarriersView:
    """As it is now."""
    waiting = Round.objects.filter(barrier=OuterRef("pk"), state=State.WAITING)
    ranked = Barrier.objects.annotate(
        rank=Case(
            When(Exists(waiting), then=Value(0)),
            default=Value(1),
            output_field=IntegerField(),
        )
    ).order_by("rank", "name")
    found = list(ranked[:MOST])
    beyond = 0 if len(found) < MOST else Barrier.objects.count() - MOST
    at = barrier_shapes.current_rounds(found)
    work = phase_view.work_at(found)
    agents = _agents(found, work)
    views = [_view(one, at.get(one.pk), agents, work[one.pk]) for one in found]
    return BarriersView(views, beyond)


def _agents(
    barriers: Sequence[Barrier], work: Mapping[int, WorkAt]
) -> dict[str, Awaited]:
    names = {name for one in barriers for name in one.members}
    names |= {name for one in work.values() for name in one.coming}
    rows = Agent.objects.filter(name__in=names).values_list(
        "name", "status", "status_since", "status_reason"
    )
    return {
        name: Awaited(
            name,
            reverse("agent", args=[name]),
            status,
            StatusChoice(status).label,
            stamp(since),
            reason,
        )
        for name, status, since, reason in rows
    }


def _view(
    barrier: Barrier, one: Round | None, agents: Mapping[str, Awaited], work: WorkAt
) -> BarrierView:
    came: Sequence[Arrival] = one.came if one else ()  # type: ignore[attr-defined]
    state = one.state if one else ""
    if one is not None and rounds.is_late(one):
        state = State.TIMED_OUT
    there = {arrival.agent_name for arrival in came}
    known = barrier.members or work.coming
    missing = [name for name in known if name not in there]
    lacking = max(0, barrier.parties - len(came))
    tone, icon, word = LOOKS[state]
    return BarrierView(
        name=barrier.name,
        tone=tone,
        icon=icon,
        state=word,
        round=barrier.generation,
        here=len(came),
        parties=barrier.parties,
        reason="" if state == State.TRIPPED or one is None else one.reason,
        since=stamp((one.ended_at or one.began_at) if one else barrier.generation_at),
        deadline=stamp_or_none(one.deadline_at if one else None)
        if state == State.WAITING
        else None,
        rule=_rule(barrier),
        made_by=barrier.created_by,
        came=[_came(arrival) for arrival in came[:MOST_NAMES]],
        more_came=max(0, len(came) - MOST_NAMES),
        awaited=[
            agents.get(name) or Awaited(name, "") for name in missing[:MOST_NAMES]
        ],
        more_awaited=max(0, len(missing) - MOST_NAMES),
        unnamed=max(0, lacking - len(missing)),
        waited_for=state == State.WAITING or bool(work.waits),
        work=work.words,
    )


def _came(arrival: Arrival) -> Came:
    url = reverse("agent", args=[arrival.agent_name]) if arrival.agent_id else ""
    number = arrival.run.number if arrival.run else None
    return Came(arrival.agent_name, url, number, stamp(arrival.at))


def _rule(barrier: Barrier) -> str:
    """`3 agents, named; breaks when one of them dies; 60 s from the first`."""
    said = [counted(barrier.parties, "party", "parties")]
    if not barrier.members:
        said.append("whoever they are")
    elif barrier.on_failure == OnFailure.BREAK:
        said.append("breaks when one of them dies")
    else:
        said.append("waits for the next run of one that dies")
    if barrier.timeout is not None:
        told = seconds(barrier.timeout)
        said.append(f"times out {told} after the first arrival")
    return "; ".join(said)
