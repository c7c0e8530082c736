"""Locks as people see them: who holds which files until when, who waits for whom.

What may enter: what the page of locks shows. Read only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import Left
from django.urls import reverse

from agents.models import FileLock, LockClaim
from agents.models.choices import ClaimStateChoice as State
from agents.models.choices import LockModeChoice
from agents.policy.tasks import TaskState
from agents.services import lock_rows, task_list
from agents.services.figures import Stamp, listed, stamp, stamp_or_none
from agents.services.lock_rows import Standing

# Claims on the page; files, and agents in the way, of each that are told one by one.
MOST: Final = 100
MOST_FILES: Final = 12
MOST_OTHERS: Final = 5
# Tone, icon and word of a claim.
HELD: Final = ("running", "task-waiting_for_lock", "Held")
TAKEN: Final = ("stopping", "stopping", "Being taken away")
WAITS: Final = ("backoff", "activity-waiting", "Waiting")


@dataclass(frozen=True, slots=True)
class Other:
    """Another claim: whose it is, and where it is on the page if it is there."""

    name: str
    task: int | None
    anchor: str


@dataclass(frozen=True, slots=True)
class InTheWay:
    """What of it another holds, or has asked for before."""

    whose: Other
    files: str
    waits: bool


@dataclass(frozen=True, slots=True)
class ClaimView:
    """All that was asked for together. `lock`: the id of its first lock.

    `since`: when it was granted, or asked for. `until`: what ends it, and `expires`
    when, where that is a time. `place`: in the queue, 1 for who gets it next. `behind`:
    who waits for it. `steal` and `release`: whether a person may.
    """

    id: int
    lock: int
    tone: str
    icon: str
    state: str
    agent: str
    agent_url: str
    run: int | None
    task: int | None
    task_url: str
    title: str
    files: Sequence[str]
    more_files: int
    mode: str
    since: Stamp
    until: str
    expires: Stamp | None
    asked_by: str
    note: str
    place: int | None
    in_the_way: Sequence[InTheWay]
    more_in_the_way: int
    behind: Sequence[Other]
    more_behind: int
    at_work: bool
    steal: bool
    release: bool

    @property
    def waits(self) -> bool:
        """Whether it is not granted yet."""
        return self.place is not None


@dataclass(frozen=True, slots=True)
class SpaceView:
    """One workspace: what is held in it, then who waits, in their order."""

    id: int
    path: str
    summary: str
    claims: Sequence[ClaimView]


@dataclass(frozen=True, slots=True)
class LocksView:
    """Workspaces in which somebody waits first. `beyond`: how many are not shown."""

    spaces: Sequence[SpaceView]
    beyond: int


def page() -> LocksView:
    """As it is now."""
    waiting = LockClaim.objects.filter(space=OuterRef("space"), state=State.WAITING)
    ranked = _open().annotate(contested=Exists(waiting))
    # `held` comes before `waiting` by its letters too.
    order = ("-contested", "space__path", "state", "pk")
    rows = list(ranked.order_by(*order)[:MOST])
    beyond = 0 if len(rows) < MOST else _open().count() - MOST
    views = _views(rows)
    spaces = {row.space_id: row.space.path for row in rows}
    return LocksView(
        [
            _space(pk, path, [views[row.pk] for row in rows if row.space_id == pk])
            for pk, path in spaces.items()
        ],
        beyond,
    )


def of_lock(lock_id: int) -> ClaimView | None:
    """The claim to which a lock belongs; None if it has ended."""
    rows = list(_open().filter(locks=lock_id, locks__released_at=None))
    return next(iter(_views(rows).values()), None)


def _open() -> QuerySet[LockClaim]:
    rows = LockClaim.objects.exclude(state=State.ENDED)
    rows = rows.select_related("space", "run").defer("run__setup")
    return rows.annotate(
        task_state=F("task__state"),
        # All of a prompt may be long.
        prompt=Left("task__prompt", task_list.LONGEST_TITLE * 4),
    )


def _space(pk: int, path: str, claims: Sequence[ClaimView]) -> SpaceView:
    waiting = sum(one.waits for one in claims)
    said = [f"{len(claims) - waiting} held"]
    if waiting:
        said.append(f"{waiting} waiting")
    return SpaceView(pk, path, ", ".join(said), claims)


@dataclass(frozen=True, slots=True)
class _Around:
    """What else there is: for whom claims wait, by claim, and who waits behind whom.

    `rows`: claims by id; `shown`: which of them the page has.
    """

    waits: Mapping[int, Sequence[Standing]]
    behind: Mapping[int, Sequence[int]]
    rows: Mapping[int, LockClaim]
    shown: Collection[int]

    def other(self, claim_id: int) -> Other:
        row = self.rows[claim_id]
        anchor = f"#claim-{claim_id}" if claim_id in self.shown else ""
        return Other(row.agent_name, row.task_id, anchor)


def _views(rows: Sequence[LockClaim]) -> dict[int, ClaimView]:
    if not rows:
        return {}
    files: dict[int, list[tuple[int, str]]] = {row.pk: [] for row in rows}
    locks = FileLock.objects.filter(claim__in=files, released_at=None).order_by("pk")
    for claim, pk, pattern in locks.values_list("claim_id", "pk", "pattern"):
        files[claim].append((pk, pattern))
    around = _around(rows)
    return {
        row.pk: _view(row, files[row.pk], around)
        # One that was let go in this moment has no files any more.
        for row in rows
        if files[row.pk]
    }


def _around(rows: Sequence[LockClaim]) -> _Around:
    waits = lock_rows.waits_in({row.space_id for row in rows})
    shown = {row.pk: row for row in rows}
    behind: dict[int, list[int]] = {}
    for pk in sorted(waits):
        for other in {one.claim for one in waits[pk]} & shown.keys():
            behind.setdefault(other, []).append(pk)
    told = {pk for some in behind.values() for pk in some[:MOST_OTHERS]}
    told |= {
        some[0].claim
        for pk in shown
        for some in _by_claim(waits.get(pk, ()))[:MOST_OTHERS]
    }
    missing = told - shown.keys()
    more = LockClaim.objects.in_bulk(missing) if missing else {}
    return _Around(waits, behind, {**shown, **more}, shown.keys())


def _view(row: Any, files: Sequence[tuple[int, str]], around: _Around) -> ClaimView:
    held = row.state == State.HELD
    waits = around.waits.get(row.pk, ())
    tone, icon, word = (TAKEN if row.taken_by else HELD) if held else WAITS
    before = _by_claim(waits)
    at_work = row.task_state == TaskState.RUNNING
    behind = [pk for pk in around.behind.get(row.pk, ()) if held]
    return ClaimView(
        id=row.pk,
        lock=files[0][0],
        tone=tone,
        icon=icon,
        state=word,
        agent=row.agent_name,
        agent_url=reverse("agent", args=[row.agent_name]) if row.agent_id else "",
        run=row.run.number if row.run else None,
        task=row.task_id,
        task_url=reverse("task", args=[row.task_id]) if row.task_id else "",
        title=task_list.title(row.prompt or ""),
        files=[pattern for _, pattern in files[:MOST_FILES]],
        more_files=max(0, len(files) - MOST_FILES),
        mode=LockModeChoice(row.mode).label,
        since=stamp(row.granted_at or row.asked_at),
        until=_until(row) if held else "",
        expires=stamp_or_none(row.expires_at if held else None),
        # Of its own accord needs no word.
        asked_by=row.asked_by if row.asked_by != f"agent {row.agent_name}" else "",
        note=row.reason if row.taken_by else "",
        place=None if held else lock_rows.position(waits),
        in_the_way=[_in_the_way(some, around) for some in before[:MOST_OTHERS]],
        more_in_the_way=max(0, len(before) - MOST_OTHERS),
        behind=[around.other(pk) for pk in behind[:MOST_OTHERS]],
        more_behind=max(0, len(behind) - MOST_OTHERS),
        at_work=at_work,
        steal=held and not row.taken_by,
        release=not row.taken_by and (not at_work if held else row.task_id is None),
    )


def _by_claim(waits: Sequence[Standing]) -> list[list[Standing]]:
    found: dict[int, list[Standing]] = {}
    for one in waits:
        found.setdefault(one.claim, []).append(one)
    return list(found.values())


def _in_the_way(some: Sequence[Standing], around: _Around) -> InTheWay:
    """All of one claim."""
    files = sorted({one.held for one in some})
    first = some[0]
    return InTheWay(around.other(first.claim), listed(files), first.waits)


def _until(row: LockClaim) -> str:
    """What ends it; a lease says so by its time."""
    if row.expires_at is not None:
        return ""
    if row.task_id is not None:
        return "until its task ends"
    return "until it is released, or its run ends"
