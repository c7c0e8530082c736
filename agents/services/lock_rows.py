"""The open claims on a workspace as values, and what stands in whose way, in words.

What may enter: reading. Nothing here changes a lock. Blocking.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from agents.models import Agent, FileLock, LockClaim, LockSpace
from agents.models.choices import ClaimStateChoice as State
from agents.policy.globs import parse
from agents.policy.lock_queue import Claim, Conflict, Mode, Queue


@dataclass(frozen=True, slots=True)
class Standing:
    """Something in the way: what was asked, what it overlaps, whose that is.

    `since`: when it was granted, or asked for where it waits itself.
    """

    pattern: str
    held: str
    agent: str
    task: int | None
    since: datetime
    expires_at: datetime | None
    waits: bool


def open_claims(space: LockSpace) -> list[Claim]:
    """All claims that are held or wait, with what of them is not let go."""
    patterns: dict[int, list[str]] = {}
    locks = FileLock.objects.filter(claim__space=space, released_at=None)
    for claim_id, pattern in locks.exclude(claim__state=State.ENDED).values_list(
        "claim_id", "pattern"
    ):
        patterns.setdefault(claim_id, []).append(pattern)
    rows = LockClaim.objects.filter(space=space).exclude(state=State.ENDED)
    return [
        Claim(
            id=pk,
            # Of a deleted agent: nobody's, and in everybody's way until it ends.
            agent=agent or -pk,
            task=task,
            mode=Mode(mode),
            globs=tuple(parse(pattern) for pattern in patterns.get(pk, ())),
            held=state == State.HELD,
        )
        for pk, agent, task, mode, state in rows.values_list(
            "pk", "agent_id", "task_id", "mode", "state"
        )
    ]


def waits_for(claim_id: int) -> tuple[Standing, ...]:
    """What is in the way of a claim that waits, as of now; empty if nothing is."""
    return waits_of([claim_id]).get(claim_id, ())


def waits_of(claim_ids: Collection[int]) -> dict[int, tuple[Standing, ...]]:
    """The same of many; those that wait no longer are left out."""
    found = {}
    waiting = LockClaim.objects.filter(pk__in=claim_ids, state=State.WAITING)
    for space in LockSpace.objects.filter(claims__in=waiting).distinct():
        claims = open_claims(space)
        queue = Queue(claims)
        for one in claims:
            if one.id in claim_ids and not one.held:
                found[one.id] = standings(queue.waits_for(one))
    return found


def position(waits: Sequence[Standing]) -> int:
    """Its place in the queue: 1 for who gets it next."""
    return 1 + len({(one.agent, one.task, one.since) for one in waits if one.waits})


def standings(conflicts: Sequence[Conflict]) -> tuple[Standing, ...]:
    rows = LockClaim.objects.in_bulk({one.claim.id for one in conflicts})
    return tuple(
        Standing(
            pattern=one.asked.pattern,
            held=one.other.pattern,
            agent=row.agent_name,
            task=row.task_id,
            since=row.granted_at or row.asked_at,
            expires_at=row.expires_at if one.claim.held else None,
            waits=not one.claim.held,
        )
        for one in conflicts
        if (row := rows.get(one.claim.id)) is not None
    )


def in_words(agent_id: int, task_id: int | None, cycle: Sequence[Conflict]) -> str:
    """`web would wait for api, which waits for db, which waits for web.`"""
    rows = LockClaim.objects.in_bulk({one.claim.id for one in cycle})
    first = Agent.every.values_list("name", flat=True).get(pk=agent_id)
    words = f"{_named(first, task_id)} would wait"
    for one in cycle:
        row = rows[one.claim.id]
        holds = "has" if one.claim.held else "has asked for"
        words += (
            f" for {_named(row.agent_name, row.task_id)}, which {holds} "
            f"{one.other.pattern} and waits"
        )
    return (
        f"{words.removesuffix(' and waits')}: nobody would ever get on. Let go of what "
        "you hold first, or ask for all paths at once."
    )


def _named(agent: str, task: int | None) -> str:
    return agent if task is None else f"{agent} (task {task})"
