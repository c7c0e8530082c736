"""Locks on files: asked for, waited for, let go, taken away. All or none of a request.

Every change is one transaction that begins by locking the row of the workspace, and
ends by granting what can be granted: no waiter depends on somebody looking later.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from agents.models import Agent, FileLock, LockClaim, LockSpace
from agents.models.choices import ClaimStateChoice as State
from agents.policy.clock import Moment
from agents.policy.globs import parse
from agents.policy.lock_queue import Claim, Mode, Queue
from agents.services import bell, changes, lock_news
from agents.services.lock_rows import Standing, in_words, open_claims, standings

# Seconds; of agents that no supervisor sees.
LEASE: Final = 60.0
# Why a claim is over whose holder needs it no longer.
RELEASED: Final = "released"


class CannotWait(ValueError):
    """There is no place in the queue for it. `conflicts`: what is in the way."""

    def __init__(self, message: str, conflicts: tuple[Standing, ...] = ()) -> None:
        super().__init__(message)
        self.conflicts = conflicts


class WouldWaitForever(CannotWait):
    """Two would wait for each other; the message says who for what."""


class WaitsAlready(CannotWait):
    """Who waits cannot ask for more: that could end in waiting for each other."""


class HoldsElsewhere(CannotWait):
    """Nobody waits in one workspace and has something in another: circles of waiting
    are looked for within one."""


class NotHeld(ValueError):
    """The claim is over: nothing may be written in its name any more."""


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks by which door. `key` is the same when the call is sent again, `waiter`
    another each time: who came last keeps the place in the queue."""

    asked_by: str = ""
    via: str = ""
    key: str = ""
    waiter: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks to lock. `workspace`: as in `lock_paths.workspace_of`.

    `lease`: seconds until it ends by itself, for agents that no supervisor sees.
    `call`: whose call asks for it; tasks and their tools have none.
    """

    workspace: str
    patterns: tuple[str, ...]
    mode: Mode
    agent_id: int
    run_id: uuid.UUID | None = None
    task_id: int | None = None
    lease: float | None = None
    call: Call = Call()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of asking. Without a `claim` nothing was recorded.

    `fence` is None while it waits; `conflicts`: for whom.
    """

    claim: int | None
    fence: int | None
    conflicts: tuple[Standing, ...]

    @property
    def held(self) -> bool:
        """Whether all of it is granted."""
        return self.fence is not None


def ask(wanted: Wanted, *, wait: bool) -> Answer:
    """All of it at once, or else a place in the queue if `wait`, or else nothing.

    Raises WouldWaitForever, WaitsAlready, HoldsElsewhere, and BadPattern for patterns
    that are none.
    """
    globs = tuple(parse(pattern) for pattern in wanted.patterns)
    end_leases()
    with transaction.atomic():
        space = locked(wanted.workspace)
        claims = open_claims(space)
        queue = Queue(claims)
        # Ids rise: nobody has a higher one than who comes last.
        last = max((one.id for one in claims), default=0) + 1
        claim = Claim(
            last, wanted.agent_id, wanted.task_id, wanted.mode, globs, held=False
        )
        elsewhere = _elsewhere(space, wanted)
        if queue.is_waiting(claim.unit) or any(elsewhere.values()):
            raise WaitsAlready(
                "It has asked for other paths and waits for them; ask for more once "
                "these are there, or ask for all at once."
            )
        conflicts = queue.conflicts(claim)
        if conflicts and not wait:
            return Answer(None, None, standings(conflicts))
        if conflicts and elsewhere:
            raise HoldsElsewhere(
                f"It has locks in {min(elsewhere)} and would wait for another here: "
                "two could wait for each other for ever. Let go of those first, or "
                "ask again later without waiting.",
                standings(conflicts),
            )
        if conflicts and (cycle := queue.cycle(claim)):
            words = in_words(wanted.agent_id, wanted.task_id, cycle)
            raise WouldWaitForever(words, standings(conflicts))
        row = _record(space, wanted)
        granted = _settle(space)
        fence = granted.get(row.pk)
        if fence is None:
            _tell([row.pk])
        told = () if fence is not None else standings(conflicts)
        return Answer(row.pk, fence, told)


def holds(claim_id: int) -> bool:
    """Whether it is granted and not over; it stays so until the commit."""
    held = LockClaim.objects.filter(pk=claim_id, state=State.HELD)
    spaces = LockSpace.objects.select_for_update()
    list(spaces.filter(pk__in=held.values("space_id")))
    return held.exists()


def steady(task_id: int) -> None:
    """Lock the workspaces of a task's claims: who changes a task and its locks does
    that first, as who asks does, so that no two wait for each other."""
    claims = LockClaim.objects.filter(task=task_id).exclude(state=State.ENDED)
    spaces = LockSpace.objects.select_for_update().order_by("pk")
    list(spaces.filter(pk__in=claims.values("space_id")))


def release(claim_ids: Iterable[int], reason: str, by: str = "") -> int:
    """Let go of these, held or waiting; how many there were. Who waited gets them.

    `by`: who has taken them away from their holder.
    """
    return _end(Q(pk__in=list(claim_ids)), reason, by)


def release_of_runs(run_ids: Iterable[uuid.UUID], reason: str) -> int:
    """The runs are over, every process of theirs: so are their locks."""
    ids = list(run_ids)
    return _end(Q(run__in=ids), reason) if ids else 0


def release_of_task(task_id: int, reason: str) -> int:
    """The task has ended, whichever way."""
    return _end(Q(task=task_id), reason)


def let_go(lock_id: int) -> bool:
    """One pattern of a claim; with the last one the claim ends. False: not held."""
    lock = FileLock.objects.filter(pk=lock_id, released_at=None)
    space_id = lock.values_list("claim__space_id", flat=True).first()
    if space_id is None:
        return False
    with transaction.atomic():
        space = LockSpace.objects.select_for_update().get(pk=space_id)
        held = lock.filter(claim__state=State.HELD)
        claim_id = held.values_list("claim_id", flat=True).first()
        if claim_id is None:
            return False
        lock.update(released_at=timezone.now())
        if not FileLock.objects.filter(claim=claim_id, released_at=None).exists():
            _close(LockClaim.objects.filter(pk=claim_id), RELEASED)
        else:
            _tell([claim_id])
        _settle(space)
    return True


def renew(claim_id: int, lease: float = LEASE) -> datetime:
    """Lengthen a lease from now on; when it ends. Raises NotHeld if it has ended."""
    moment = Moment.now().later(lease)
    until = timezone.now() + timedelta(seconds=lease)
    with transaction.atomic():
        end_leases()
        renewed = LockClaim.objects.filter(
            pk=claim_id, state=State.HELD, lease_boot_seconds__isnull=False
        ).update(expires_at=until, lease_boot=moment.boot, lease_boot_seconds=moment.at)
        if not renewed:
            raise NotHeld("The lock has ended: ask for it again before writing more.")
    return until


def end_leases() -> int:
    """End what has run out; how many. Called wherever leases matter."""
    leased = LockClaim.objects.filter(lease_boot_seconds__isnull=False)
    over = [
        pk
        for pk, boot, at, until in leased.exclude(state=State.ENDED).values_list(
            "pk", "lease_boot", "lease_boot_seconds", "expires_at"
        )
        if _is_over(boot, at, until)
    ]
    return release(over, "its lease has run out") if over else 0


def _is_over(boot: str, at: float | None, until: datetime | None) -> bool:
    """By the clock that does not jump; by the wall's if the machine has booted."""
    if at is not None and boot == Moment.now().boot:
        return Moment(boot, at).seconds_until() == 0.0
    return until is not None and until <= timezone.now()


def check(fence: int, workspace: str) -> None:
    """Whoever writes shows its fence; raises NotHeld for one that is over."""
    held = LockClaim.objects.filter(
        space__path=workspace, fence=fence, state=State.HELD
    )
    if not held.exists():
        raise NotHeld(
            f"The lock with the fence {fence} has ended: nothing was written. "
            "Ask for the lock again."
        )


def locked(path: str) -> LockSpace:
    LockSpace.objects.get_or_create(path=path)
    return LockSpace.objects.select_for_update().get(path=path)


def _elsewhere(space: LockSpace, wanted: Wanted) -> dict[str, bool]:
    """The other workspaces where whoever asks has something, by their paths; True
    where it waits."""
    own = LockClaim.objects.exclude(state=State.ENDED).filter(
        run=wanted.run_id, agent=wanted.agent_id, task=wanted.task_id
    )
    found: dict[str, bool] = {}
    for path, state in own.exclude(space=space).values_list("space__path", "state"):
        found[path] = found.get(path, False) or state == State.WAITING
    return found


def _record(space: LockSpace, wanted: Wanted) -> LockClaim:
    name = Agent.every.values_list("name", flat=True).get(pk=wanted.agent_id)
    row = LockClaim(
        space=space,
        mode=wanted.mode,
        agent_id=wanted.agent_id,
        agent_name=name,
        run_id=wanted.run_id,
        task_id=wanted.task_id,
        **asdict(wanted.call),
    )
    if wanted.lease is not None:
        moment = Moment.now().later(wanted.lease)
        row.expires_at = timezone.now() + timedelta(seconds=wanted.lease)
        row.lease_boot, row.lease_boot_seconds = moment.boot, moment.at
    row.save(force_insert=True)
    FileLock.objects.bulk_create(
        FileLock(claim=row, pattern=pattern) for pattern in wanted.patterns
    )
    return row


def _settle(space: LockSpace) -> dict[int, int]:
    """Grant what nothing stands in the way of any more; the fences by claim."""
    granted = Queue(open_claims(space)).granted
    now = timezone.now()
    fences = {}
    for claim_id in granted:
        space.fence += 1
        fences[claim_id] = space.fence
        LockClaim.objects.filter(pk=claim_id, state=State.WAITING).update(
            state=State.HELD, fence=space.fence, granted_at=now
        )
    if granted:
        space.save(update_fields=["fence"])
    _tell(granted)
    return fences


def _end(which: Q, reason: str, by: str = "") -> int:
    """End these claims, each workspace's in one go and in a fixed order."""
    rows = LockClaim.objects.filter(which).exclude(state=State.ENDED)
    spaces = sorted(set(rows.values_list("space_id", flat=True)))
    ended = 0
    for space_id in spaces:
        with transaction.atomic():
            space = LockSpace.objects.select_for_update().get(pk=space_id)
            ended += _close(rows.filter(space=space), reason, by)
            _settle(space)
    return ended


def _close(rows: QuerySet[LockClaim], reason: str, by: str = "") -> int:
    ids = list(rows.exclude(state=State.ENDED).values_list("pk", flat=True))
    now = timezone.now()
    ended = LockClaim.objects.filter(pk__in=ids).exclude(state=State.ENDED)
    over = {"state": State.ENDED, "ended_at": now}
    # Who takes it away from a task says so before, and why stays with it.
    count = ended.exclude(taken_by="").update(**over)
    count += ended.update(**over, reason=reason, taken_by=by)
    FileLock.objects.filter(claim__in=ids, released_at=None).update(released_at=now)
    _tell(ids)
    return count


def _tell(claim_ids: Sequence[int]) -> None:
    """Somebody waits for this, or shows it."""
    if not claim_ids:
        return
    lock_news.tell(claim_ids)
    rows = LockClaim.objects.filter(pk__in=claim_ids, agent__isnull=False)
    found = list(rows.values_list("agent_id", "task_id", "agent__node"))
    changes.append(changes.LOCK, {agent for agent, _, _ in found if agent is not None})
    for agent_id, task_id, _ in found:
        if task_id is not None:
            changes.append_task(agent_id, task_id)
    # Calls look by themselves: it is tasks that a supervisor has wait.
    for node in {node for _, task_id, node in found if task_id is not None}:
        transaction.on_commit(lambda node=node: bell.ring(node))  # type: ignore[misc]
