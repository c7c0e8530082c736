"""The shapes in which programs read locks: the API's own, and the CLI's `--json`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import QuerySet

from agents.models import FileLock
from agents.models.choices import ClaimStateChoice as State
from agents.services import lock_rows
from agents.services.lock_rows import Standing
from agents.services.shapes import utc


def lock_shape(lock: FileLock) -> dict[str, Any]:
    """One lock, as it is answered to who asked for it; fetch it with its claim."""
    claim = lock.claim
    return {
        "id": lock.pk,
        "pattern": lock.pattern,
        "mode": claim.mode,
        "agent": claim.agent_name,
        "task": claim.task_id,
        "fence": claim.fence,
        "expires_at": utc(claim.expires_at),
    }


def readable(rows: QuerySet[FileLock]) -> QuerySet[FileLock]:
    """With all that the shapes need."""
    return rows.select_related("claim__space", "claim__run").defer("claim__run__setup")


def listed(rows: Sequence[FileLock]) -> list[dict[str, Any]]:
    """Locks with where they stand; those that wait say for whom."""
    waiting = {row.claim_id for row in rows if row.claim.state == State.WAITING}
    waits = lock_rows.waits_of(waiting)
    return [one_of_many(row, waits.get(row.claim_id, ())) for row in rows]


def one_of_many(lock: FileLock, waits: Sequence[Standing] = ()) -> dict[str, Any]:
    """A lock and how it is: `claim` is the same for those asked for together."""
    claim = lock.claim
    state = State.ENDED if lock.released_at is not None else State(claim.state)
    waits_now = state is State.WAITING
    return lock_shape(lock) | {
        "claim": claim.pk,
        "workspace": claim.space.path,
        "state": state.value,
        "run": claim.run.number if claim.run else None,
        "asked_by": claim.asked_by or None,
        "asked_at": utc(claim.asked_at),
        "granted_at": utc(claim.granted_at),
        "ended_at": utc(lock.released_at),
        "reason": claim.reason,
        "taken_by": claim.taken_by or None,
        "position": lock_rows.position(waits) if waits_now else None,
        "waits_for": conflicts_shape(waits),
    }


def conflicts_shape(standings: Iterable[Standing]) -> list[dict[str, Any]]:
    """What is in the way; `since` is when that was granted, or asked for."""
    return [
        {
            "pattern": one.pattern,
            "held": one.held,
            "agent": one.agent,
            "task": one.task,
            "since": utc(one.since),
            "expires_at": utc(one.expires_at),
        }
        for one in standings
    ]
