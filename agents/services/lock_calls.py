"""Locks that somebody asks for by a call, in the name of an agent's live run. Blocking.

What may enter: what a call does to locks, and the place in the queue that it keeps.
A place is leased, so that it is gone soon after a hub that was killed while it waited.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from agents.models import Agent, FileLock, LockClaim, LockSpace, Run
from agents.models.choices import ClaimStateChoice as State
from agents.policy.lease import Lease
from agents.policy.lock_queue import Mode
from agents.services import leases, lock_news, lock_paths, lock_rows, locks
from agents.services.lock_rows import Standing
from agents.services.locks import RELEASED, Answer, Call, NotHeld, Wanted

# Seconds that a place in the queue outlives whoever keeps it, and how often it is kept.
PATIENCE: Final = 30.0
KEEP_EVERY: Final = 10.0
GONE: Final = "whoever asked has gone"


class NoLiveRun(ValueError):
    """A lock belongs to a run, and the agent has none."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What a call asks for. `run_id`: the run that calls, None for a person.

    `key`: the same when the call is sent again, empty if it is never.
    """

    workspace: str
    paths: Sequence[str]
    mode: Mode
    agent: Agent
    asked_by: str
    via: str
    run_id: uuid.UUID | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """What a call has: locks, a place in the queue, or (without `claim`) neither."""

    claim: int | None
    waiter: str
    held: bool
    conflicts: tuple[Standing, ...] = ()


def ask(asking: Asking, *, wait: bool) -> Place:
    """All of it, or a place in the queue if `wait`, or nothing but the conflicts.

    A call with the key of one that has not been answered takes its place. Raises
    NoLiveRun, BadPattern, and CannotWait of `locks.ask`.
    """
    space = lock_paths.workspace_of(asking.workspace)
    patterns = lock_paths.patterns_of(space, asking.paths)
    waiter = uuid.uuid4().hex
    with transaction.atomic():
        run = _live_run(asking)
        earlier = _of_the_same_call(run, asking.key)
        if earlier is not None:
            LockClaim.objects.filter(pk=earlier.pk).update(waiter=waiter)
            lock_news.tell([earlier.pk])
            held = _confirm(earlier.pk, waiter)
            told = () if held else lock_rows.waits_for(earlier.pk)
            return Place(earlier.pk, waiter, held, told)
        call = Call(asking.asked_by, asking.via, asking.key, waiter)
        wanted = Wanted(
            space,
            patterns,
            asking.mode,
            asking.agent.pk,
            run.pk,
            lease=PATIENCE,
            call=call,
        )
        answer = locks.ask(wanted, wait=wait)
        return _place(answer, waiter)


def _live_run(asking: Asking) -> Run:
    """The run that is to hold them; it does not end before the commit."""
    runs = Run.objects.select_for_update().filter(agent=asking.agent, ended_at=None)
    if asking.run_id is not None:
        runs = runs.filter(pk=asking.run_id)
    run = runs.defer("setup").first()
    if run is None:
        raise NoLiveRun(
            f"{asking.agent.name} does not run, and a lock lives as long as a run: "
            "start it first."
        )
    return run


def _of_the_same_call(run: Run, key: str) -> LockClaim | None:
    if not key:
        return None
    same = LockClaim.objects.exclude(state=State.ENDED).filter(run=run, key=key)
    return same.first()


def _place(answer: Answer, waiter: str) -> Place:
    if answer.claim is not None and answer.held:
        _confirm(answer.claim, waiter)
    return Place(answer.claim, waiter, answer.held, answer.conflicts)


def _confirm(claim_id: int, waiter: str) -> bool:
    """Somebody hears that it is granted: from now on it lives with its run, or by a
    lease if no supervisor sees that."""
    mine = LockClaim.objects.filter(pk=claim_id, state=State.HELD, waiter=waiter)
    if mine.filter(run__lease_boot_seconds__isnull=False).exists():
        return bool(mine.update(**leases.columns(Lease.begin())))
    return bool(mine.update(expires_at=None, lease_boot="", lease_boot_seconds=None))


def leave(place: Place, reason: str = GONE) -> None:
    """Give the place up, or what was granted and never heard of; not if another call
    has taken it over."""
    if place.claim is None:
        return
    with transaction.atomic():
        _lock_space(place.claim)
        mine = LockClaim.objects.filter(pk=place.claim, waiter=place.waiter)
        if mine.exclude(state=State.ENDED).exists():
            locks.release([place.claim], reason)


def _lock_space(claim_id: int) -> None:
    """Nothing of its workspace changes before the commit."""
    spaces = LockSpace.objects.select_for_update()
    list(spaces.filter(claims=claim_id).values_list("pk", flat=True))


@dataclass(slots=True)
class LockWait:
    """Follows one place in the queue until it is granted or over. `why`: it is over."""

    place: Place
    held: bool = False
    why: str = ""
    conflicts: tuple[Standing, ...] = ()
    _kept: float = field(default_factory=time.monotonic)

    @property
    def done(self) -> bool:
        """Whether anything is known."""
        return self.held or bool(self.why)

    def look(self) -> None:
        """See how it is, and keep the place."""
        claim, waiter = self.place.claim, self.place.waiter
        assert claim is not None, "it has a place"
        rows = LockClaim.objects.filter(pk=claim)
        seen = rows.values("state", "reason", "waiter").first()
        if seen is None or seen["state"] == State.ENDED:
            reason = "" if seen is None else seen["reason"]
            self.why = f"It is no longer in the queue: {reason or 'it is gone'}."
        elif seen["waiter"] != waiter:
            self.why = "The same call was sent again, and waits in its place."
        elif seen["state"] == State.HELD:
            self.held = _confirm(claim, waiter)
        elif time.monotonic() - self._kept > KEEP_EVERY:
            self._keep(rows.filter(state=State.WAITING, waiter=waiter))

    def _keep(self, mine: QuerySet[LockClaim]) -> None:
        self._kept = time.monotonic()
        mine.update(**leases.columns(Lease.begin(PATIENCE)))

    def give_up(self, why: str) -> None:
        """The time is over: leave the queue, unless it is granted by now."""
        assert self.place.claim is not None
        with transaction.atomic():
            _lock_space(self.place.claim)
            self.look()
            if not self.done:
                self.conflicts = lock_rows.waits_for(self.place.claim)
                leave(self.place, f"nobody waits for it any more, {why}")
                self.why = f"Still not free {why}."


@dataclass(slots=True)
class EndOfLock:
    """Follows a lock that is being taken away until its task has ended."""

    lock_id: int
    done: bool = False

    def look(self) -> None:
        """Whether it has."""
        held = LockClaim.objects.filter(locks=self.lock_id, state=State.HELD)
        self.done = not held.exists()

    def give_up(self, why: str) -> None:
        """It takes longer, and goes on."""
        self.done = True


def locks_of(claim_id: int) -> list[FileLock]:
    """What a claim consists of, in the order of the patterns."""
    rows = FileLock.objects.filter(claim=claim_id).select_related("claim__space")
    return list(rows.order_by("pk"))


def renew(lock_id: int) -> FileLock:
    """Say that it is still needed; a lease is lengthened. Raises NotHeld."""
    with transaction.atomic():
        found = held(lock_id)
        if found.claim.lease_boot_seconds is not None:
            locks.renew(found.claim_id)
            found.claim.refresh_from_db(fields=["expires_at"])
    return found


def release(lock_id: int) -> FileLock:
    """Its holder needs it no longer; one that is not granted yet leaves the queue with
    all that was asked with it. Released before is no error. Raises NotHeld."""
    with transaction.atomic():
        found = lock(lock_id)
        if found.claim.state == State.WAITING:
            locks.release([found.claim_id], RELEASED)
        elif not locks.let_go(lock_id) and not _was_let_go(found):
            raise NotHeld(_over(found))
        return lock(lock_id)


def _was_let_go(found: FileLock) -> bool:
    """Whether it ended because nobody needed it."""
    claim = found.claim
    with_the_others = found.released_at == claim.ended_at
    return claim.reason == RELEASED or not with_the_others


def held(lock_id: int) -> FileLock:
    """The lock, with its claim and workspace; raises NotHeld unless it stands."""
    found = lock(lock_id)
    if found.claim.state != State.HELD or found.released_at is not None:
        raise NotHeld(_over(found))
    return found


def lock(lock_id: int) -> FileLock:
    """The same, however it is; raises FileLock.DoesNotExist."""
    rows = FileLock.objects.select_related("claim__space", "claim__run", "claim__agent")
    return rows.defer("claim__run__setup").get(pk=lock_id)


def _over(found: FileLock) -> str:
    claim = found.claim
    if claim.state == State.WAITING:
        return f"The lock on {found.pattern} is not granted yet."
    return (
        f"The lock on {found.pattern} (fence {claim.fence}) has ended "
        f"({claim.reason or RELEASED}): ask for it again before anything is written."
    )
