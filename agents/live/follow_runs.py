"""Following the output of an agent's runs for programs: every byte that is kept, run
after run. Runs in the editor's thread."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.db.models import QuerySet

from agents.live.digest import dumps
from agents.live.places import Answer, LogPlace, Told
from agents.live.subscription import LogPosition
from agents.models import Agent, Run
from agents.services import log_pieces
from agents.services.logs import STREAMS, LogStore


@dataclass(frozen=True, slots=True)
class Around:
    """A run until it changes: its files, whether it is over, and which comes next."""

    folder: str
    over: bool
    next: int | None


def around(agent_id: int | None, number: int) -> Around:
    """What the database says of this run; number 0 is before the first."""
    later = _runs(agent_id).filter(number__gte=number)
    runs = list(later.order_by("number")[:2])
    here = next((run for run in runs if run.number == number), None)
    after = next((run.number for run in runs if run.number > number), None)
    over = here is None or here.ended_at is not None or after is not None
    return Around(here.folder if here else "", over, after)


def begin(store: LogStore, name: str, at: LogPosition | None, seq: int) -> Answer:
    """Where a program begins: at its position, else at the end of the latest run."""
    agent_id = Agent.objects.filter(name=name).values_list("pk", flat=True).first()
    runs = _runs(agent_id)
    known = at is not None and (at.run == 0 or runs.filter(number=at.run).exists())
    if at is not None and known:
        place = LogPlace(name, agent_id, at.run, at.out, at.err)
    else:
        latest = runs.order_by("-number").first()
        ends = {one: _end(store, latest, one) for one in STREAMS}
        number = latest.number if latest else 0
        place = LogPlace(name, agent_id, number, ends["out"], ends["err"])
    data = dumps({"run": place.run, "out": place.out, "err": place.err})
    return Answer(data, place, seq, resumed=known)


def told(store: LogStore, place: LogPlace, here: Around, seq: int) -> Told | None:
    """What was written since; the next run once this one is read to its end."""
    parts, moved = [], place
    for stream in STREAMS if here.folder else ():
        offset = place.out if stream == "out" else place.err
        try:
            piece = log_pieces.piece(
                store, here.folder, stream, offset, ended=here.over
            )
        except (OSError, ValueError):
            continue  # An agent can put anything in its output's place.
        if piece is None:
            continue
        shape = {
            "run": place.run,
            "stream": stream,
            "offset": piece.offset,
            "next_offset": piece.next_offset,
            "data": piece.text,
        }
        parts.append(dumps(shape))
        if stream == "out":
            moved = replace(moved, out=piece.next_offset)
        else:
            moved = replace(moved, err=piece.next_offset)
    if not parts and here.next is not None:
        moved = LogPlace(place.name, place.agent_id, here.next, 0, 0)
    return Told(parts, moved, seq) if moved != place else None


def _runs(agent_id: int | None) -> QuerySet[Run]:
    runs = Run.objects.none()
    if agent_id is not None:
        runs = Run.objects.filter(agent_id=agent_id)
    return runs.defer("setup")


def _end(store: LogStore, run: Run | None, stream: str) -> int:
    try:
        return store.extent(run.folder, stream).end if run else 0
    except (OSError, ValueError):
        return 0
