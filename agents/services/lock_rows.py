"""The open claims on a workspace as values, and what stands in whose way, in words.

What may enter: reading. Nothing here changes a lock. Blocking.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from agents.models import Agent, FileLock, LockClaim, LockSpace
from agents.models.choices import ClaimStateChoice as State
from agents.policy.globs import parse
from agents.policy.lock_queue import Claim, Conflict, Mode, Queue


@dataclass(frozen=True, slots=True)
class Standing:
    """Something in the way: what was asked, what it overlaps, whose `claim` that is.

    `since`: when it was granted, or asked for where it waits itself.
    """

    claim: int
    pattern: str
    held: str
    agent: str
    task: int | None
    since: datetime
    expires_at: datetime | None
    waits: bool


def open_claims(space: LockSpace) -> list[Claim]:
    """All claims that are held or wait, with what of them is not let go."""
    return _open_claims([space.pk]).get(space.pk, [])


def _open_claims(spaces: Collection[int]) -> dict[int, list[Claim]]:
    """Those of each workspace that has any."""
    patterns: dict[int, list[str]] = {}
    locks = FileLock.objects.filter(claim__space__in=spaces, released_at=None)
    for claim_id, pattern in locks.exclude(claim__state=State.ENDED).values_list(
        "claim_id", "pattern"
    ):
        patterns.setdefault(claim_id, []).append(pattern)
    rows = LockClaim.objects.filter(space__in=spaces).exclude(state=State.ENDED)
    found: dict[int, list[Claim]] = {}
    for space, pk, agent, task, mode, state in rows.values_list(
        "space_id", "pk", "agent_id", "task_id", "mode", "state"
    ):
        claim = Claim(
            id=pk,
            # Of a deleted agent: nobody's, and in everybody's way until it ends.
            agent=agent or -pk,
            task=task,
            mode=Mode(mode),
            globs=tuple(parse(pattern) for pattern in patterns.get(pk, ())),
            held=state == State.HELD,
        )
        found.setdefault(space, []).append(claim)
    return found


def waits_in(spaces: Collection[int]) -> dict[int, tuple[Standing, ...]]:
    """What is in the way of each claim that waits in these workspaces, as of now."""
    found = {}
    for claims in _open_claims(spaces).values():
        queue = Queue(claims)
        found.update({one.id: queue.waits_for(one) for one in claims if not one.held})
    rows = _claims_of(one for conflicts in found.values() for one in conflicts)
    return {pk: _standings(conflicts, rows) for pk, conflicts in found.items()}


def waits_for(claim_id: int) -> tuple[Standing, ...]:
    """What is in the way of a claim that waits; empty if nothing is."""
    return waits_of([claim_id]).get(claim_id, ())


def waits_of(claim_ids: Collection[int]) -> dict[int, tuple[Standing, ...]]:
    """The same of many; those that wait no longer are left out."""
    waiting = LockClaim.objects.filter(pk__in=claim_ids, state=State.WAITING)
    found = waits_in(set(waiting.values_list("space_id", flat=True)))
    return {pk: waits for pk, waits in found.items() if pk in claim_ids}


def position(waits: Sequence[Standing]) -> int:
    """Its place in the queue: 1 for who gets it next."""
    return 1 + len({one.claim for one in waits if one.waits})


def standings(conflicts: Sequence[Conflict]) -> tuple[Standing, ...]:
    """Conflicts as they are told: whose, since when."""
    return _standings(conflicts, _claims_of(conflicts))


def _claims_of(conflicts: Iterable[Conflict]) -> dict[int, LockClaim]:
    return LockClaim.objects.in_bulk({one.claim.id for one in conflicts})


def _standings(
    conflicts: Iterable[Conflict], rows: Mapping[int, LockClaim]
) -> tuple[Standing, ...]:
    return tuple(
        Standing(
            claim=row.pk,
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
    rows = _claims_of(cycle)
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
