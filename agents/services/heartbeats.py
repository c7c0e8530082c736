"""Heartbeats that are brought to a door of the hub, and what is answered to them.

What may enter: what each of hundreds of agents does twice a minute. It costs two reads
and one write, and is news only where it changes what is shown. Blocking.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db import transaction

from agents.models import Agent, Task
from agents.models.choices import Kind
from agents.policy.lease import INTERVAL
from agents.policy.states import ALIVE, Desired, Status
from agents.policy.tasks import TaskState
from agents.services import changes, heartbeat_news, registry
from agents.services.lost_locks import LostLock, lost_by

# Who says the same again within this is alive, and nothing is written down.
AGAIN: Final = timedelta(seconds=1)
LONGEST_NOTE: Final = 200
_ALIVE: Final = [one.value for one in ALIVE]


class RunOver(ValueError):
    """The run whose heartbeat it is has ended; it touches nothing of a later one."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What is wanted of whoever gave a heartbeat. `interval`: seconds to the next.

    `stop`: its run is to end. `cancel`: ids of its tasks that somebody cancelled.
    """

    stop: bool
    cancel: tuple[int, ...]
    locks_lost: tuple[LostLock, ...]
    interval: float


class Before(NamedTuple):
    """What stands in the agent's row, by column."""

    kind: str
    status: str
    desired_state: str
    heartbeat_interval: float
    heartbeat_run: uuid.UUID | None
    last_heartbeat_at: datetime | None
    activity: str
    activity_note: str


def take(
    agent_id: int,
    run_id: uuid.UUID,
    at: datetime,
    *,
    activity: str | None = None,
    note: str | None = None,
) -> Reply:
    """The run of this id lives; raises RunOver if it is not the agent's live one.

    `activity`: idle, working or waiting; None: as it said before, its note likewise.
    A new activity without a note has none. The note is cut to what a line takes.
    """
    row = note_down(agent_id, run_id, at, activity=activity, note=note)
    outside, news = row.kind == Kind.EXTERNAL, heartbeat_news.of(run_id, at)
    silent = row.status == Status.UNKNOWN
    if outside and not registry.heard(
        agent_id, run_id, silent=silent, holds=news.leased
    ):
        raise RunOver(OVER)
    return Reply(
        stop=row.desired_state == Desired.STOPPED or row.status == Status.STOPPING,
        cancel=_cancelled(run_id) if news.cancelled else (),
        # A lease that is renewed may be found to have run out.
        locks_lost=lost_by(run_id, at) if news.ended or news.leased else (),
        interval=INTERVAL if outside else row.heartbeat_interval,
    )


def _cancelled(run_id: uuid.UUID) -> tuple[int, ...]:
    tasks = Task.objects.filter(
        run=run_id, state=TaskState.RUNNING, cancel_asked_at__isnull=False
    )
    return tuple(tasks.order_by("pk").values_list("pk", flat=True))


def note_down(
    agent_id: int,
    run_id: uuid.UUID,
    at: datetime,
    *,
    activity: str | None = None,
    note: str | None = None,
) -> Before:
    """The same, for whom nothing is answered: what stood in the agent's row before."""
    live = Agent.every.filter(pk=agent_id, run_id=run_id, status__in=_ALIVE)
    found = live.values_list(*Before._fields).first()
    if found is None:
        raise RunOver(OVER)
    row = Before(*found)
    first = row.heartbeat_run != run_id
    said = ("", "") if first else (row.activity, row.activity_note)
    says = _says(said, activity, note)
    if first or says != said:
        values: dict[str, Any] = {"heartbeat_run": run_id, "last_heartbeat_at": at}
        values |= {"activity": says[0], "activity_note": says[1]}
        with transaction.atomic():
            if not live.update(**values):
                raise RunOver(OVER)
            # Its supervisor waits for the first one; the others it looks for itself.
            changes.append(changes.HEARTBEAT if first else changes.AGENT, [agent_id])
    elif not _just(row.last_heartbeat_at, at) and not live.update(last_heartbeat_at=at):
        raise RunOver(OVER)
    return row


OVER: Final = (
    "This run is over, or is not the live one: it is not its agent's voice any more."
)


def _says(
    said: tuple[str, str], activity: str | None, note: str | None
) -> tuple[str, str]:
    if activity is None and note is None:
        return said
    if activity is None:
        return said[0], (note or "")[:LONGEST_NOTE]
    return activity, (note or "")[:LONGEST_NOTE]


def _just(before: datetime | None, at: datetime) -> bool:
    """A clock that was set back must not silence an agent."""
    return before is not None and before <= at < before + AGAIN
