"""Following a run's output: one step from where a reader is, bounded.

Runs in the editor's thread. A new run is followed when the last one has been read
to its end, so that nothing of it is left out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from django.urls import reverse

from agents.live import fragments
from agents.live.demand import LogDemand, LogStep
from agents.live.subscription import LogPosition
from agents.services import output
from agents.services.agent_detail import RunView
from agents.services.logs import LogStore
from agents.services.output import Cursor, Piece

# A reader further behind than this many runs is taken to the latest.
MOST_RUNS_BEHIND: Final = 5


def reader(agent_id: int, name: str, at: LogPosition, run: RunView | None) -> LogDemand:
    """A reader where a page says it is; without a run, before the first."""
    if run is None:
        return LogDemand(agent_id, name, 0, "", Cursor(), Cursor())
    return LogDemand(
        agent_id, name, run.number, run.folder, Cursor(at.out), Cursor(at.err)
    )


def step(store: LogStore, demand: LogDemand, runs: list[RunView]) -> LogStep | None:
    """What came since; None when there is nothing new.

    `runs`: the one being read and those after it, in order.
    """
    here = next((run for run in runs if run.number == demand.run), None)
    after = [run for run in runs if run.number > demand.run]
    ended = here is None or not here.live or bool(after)
    out = err = None
    if demand.run:
        out = _piece(store, demand, "out", demand.out, ended)
        err = _piece(store, demand, "err", demand.err, ended)
    if out is None and err is None:
        return _next_run(demand, after)
    moved = replace(
        demand,
        out=out.cursor if out else demand.out,
        err=err.cursor if err else demand.err,
    )
    html = (out.html if out else "") + (err.html if err else "")
    partials = (out.partial if out else None, err.partial if err else None)
    return LogStep(fragments.lines(html, moved, partials), moved)


def _next_run(demand: LogDemand, after: list[RunView]) -> LogStep | None:
    if not after:
        return None
    run = after[0] if len(after) <= MOST_RUNS_BEHIND else after[-1]
    moved = LogDemand(
        demand.agent_id, demand.name, run.number, run.folder, Cursor(), Cursor()
    )
    html = fragments.lines(fragments.divider(run), moved, ("", ""))
    return LogStep(html, moved)


def _piece(
    store: LogStore, demand: LogDemand, stream: str, cursor: Cursor, ended: bool
) -> Piece | None:
    download = reverse("agent-download", args=[demand.name, demand.run, stream])
    return output.follow(store, demand.folder, stream, cursor, download, final=ended)
