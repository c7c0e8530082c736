"""The read side of batches: what pages show of them and programs read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Count
from django.urls import reverse

from agents.models import Batch, BatchItem
from agents.models.choices import BatchStateChoice, ItemStateChoice, StatusChoice
from agents.services import batch_steps, brake, figures, phase_view
from agents.services.figures import Stamp
from agents.services.shapes import utc
from agents.services.task_list import title

PAGE: Final = 50
ENDED: Final = (ItemStateChoice.DONE, ItemStateChoice.FAILED, ItemStateChoice.CANCELLED)


@dataclass(frozen=True, slots=True)
class ItemCount:
    """How many agents of a batch are in one state; where its part of the bar is."""

    state: str
    label: str
    count: int
    begin: float
    width: float


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One batch, in the list and at the top of its page. `tone`: how it goes."""

    id: int
    url: str
    action: str
    title: str
    whom: str
    state: str
    state_label: str
    tone: str
    by: str
    via: str
    reason: str
    since: Stamp
    created_at: Stamp
    ended: int
    total: int
    counts: tuple[ItemCount, ...]
    took: str


@dataclass(frozen=True, slots=True)
class ItemRow:
    """What became of one agent, and what it was then. `task_url`: of one that was asked
    for work."""

    id: int
    position: int
    agent: str
    agent_url: str
    state: str
    state_label: str
    status: str
    status_label: str
    detail: str
    task: int | None
    task_url: str
    began: Stamp | None
    took: str


@dataclass(frozen=True, slots=True)
class BatchDetail:
    """One batch with its agents and its report. `held`: why nothing begins."""

    row: BatchRow
    prompt: str
    at_once: int
    patience: str
    held: str
    arrives: str
    cancelled: str
    may_cancel: bool
    items: tuple[ItemRow, ...]
    failures: tuple[ItemRow, ...]
    usual: str
    longest: str


def counts_of(batch_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """How many items are in which state, by batch."""
    ids = list(batch_ids)
    found = {pk: dict.fromkeys(ItemStateChoice.values, 0) for pk in ids}
    rows = (
        BatchItem.objects.filter(batch__in=ids)
        .order_by()
        .values_list("batch", "state")
        .annotate(number=Count("pk"))
    )
    for pk, state, number in rows:
        found[pk][state] = number
    return found


def newest(before: int | None = None) -> tuple[list[BatchRow], int | None]:
    """A page of the list, the newest first, and where the next one begins."""
    rows = Batch.objects.order_by("-pk")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows[: PAGE + 1])
    shown = found[:PAGE]
    counted = counts_of(one.pk for one in shown)
    more = shown[-1].pk if len(found) > PAGE else None
    return [_row(one, counted[one.pk]) for one in shown], more


def rows(batch_ids: Iterable[int]) -> list[BatchRow]:
    """These batches; what is gone is left out."""
    found = list(Batch.objects.filter(pk__in=list(batch_ids)))
    counted = counts_of(one.pk for one in found)
    return [_row(one, counted[one.pk]) for one in found]


def latest_ids() -> tuple[int, ...]:
    """Some of the newest."""
    return tuple(Batch.objects.order_by("-pk").values_list("pk", flat=True)[:PAGE])


def detail(batch_id: int) -> BatchDetail | None:
    """One batch; None where there is no such."""
    batch = Batch.objects.filter(pk=batch_id).first()
    if batch is None:
        return None
    stored = list(BatchItem.objects.filter(batch=batch).select_related("agent"))
    items = tuple(_item(one) for one in stored)
    lasted = sorted(one for one in map(_lasted, stored) if one is not None)
    running = batch.state == BatchStateChoice.RUNNING
    by = f"by {batch.cancel_asked_by}" if batch.cancel_asked_by else ""
    why = f": {batch.cancel_reason}" if batch.cancel_reason else ""
    return BatchDetail(
        row=_row(batch, counts_of([batch.pk])[batch.pk]),
        prompt=str(batch.ask.get("prompt", "")),
        at_once=batch.at_once,
        patience=figures.seconds(batch.patience),
        held=held(batch),
        arrives=phase_view.batch_words(batch),
        cancelled=f"{by}{why}",
        may_cancel=running and batch.cancel_asked_at is None,
        items=items,
        failures=tuple(one for one in items if one.state == ItemStateChoice.FAILED),
        usual=figures.seconds(lasted[len(lasted) // 2]) if lasted else "",
        longest=figures.seconds(lasted[-1]) if lasted else "",
    )


def held(batch: Batch) -> str:
    """Why nothing of it begins; empty if it goes on."""
    if batch.state != BatchStateChoice.RUNNING:
        return ""
    if words := phase_view.waiting_words(batch):
        return words
    found = brake.pulled() if batch_steps.starts_something(batch) else None
    return f"It waits for the release of {brake.words(found)}." if found else ""


def batch_shape(batch: Batch, counts: Mapping[str, int]) -> dict[str, Any]:
    """One batch as programs read it, without its items."""
    lasted = _seconds(batch.created_at, batch.ended_at)
    return {
        "id": batch.pk,
        "action": batch.action,
        "prompt": batch.ask.get("prompt"),
        "state": batch.state,
        "held": held(batch) or None,
        "arrives_at": phase_view.batch_arrival_shape(batch),
        "waits_for": phase_view.waits_shape(batch),
        "whom": batch.whom,
        "at_once": batch.at_once,
        "patience": batch.patience,
        "reason": batch.reason,
        "created_by": batch.created_by,
        "via": batch.via,
        "created_at": utc(batch.created_at),
        "cancelled_by": batch.cancel_asked_by or None,
        "cancelled_at": utc(batch.cancel_asked_at),
        "ended_at": utc(batch.ended_at),
        "took": lasted,
        "counts": dict(counts),
    }


def whole_shape(batch: Batch) -> dict[str, Any]:
    """The same with an item for each agent, in their order."""
    items = BatchItem.objects.filter(batch=batch)
    shape = batch_shape(batch, counts_of([batch.pk])[batch.pk])
    return {**shape, "items": [_item_shape(one) for one in items]}


def _item_shape(item: BatchItem) -> dict[str, Any]:
    return {
        "agent": item.agent_name,
        "state": item.state,
        "status": item.status or None,
        "detail": item.detail,
        "request": item.request_id,
        "task": item.task_id,
        "begun_at": utc(item.begun_at),
        "ended_at": utc(item.ended_at),
        "took": _seconds(item.begun_at, item.ended_at),
    }


def _row(batch: Batch, counted: Mapping[str, int]) -> BatchRow:
    total = sum(counted.values())
    ended = sum(counted[state] for state in ENDED)
    lasted = _seconds(batch.created_at, batch.ended_at)
    what = str(batch.get_action_display())
    if batch.ask:
        what = f"{what}: {title(str(batch.ask['prompt']))}"
    return BatchRow(
        id=batch.pk,
        url=batch.get_absolute_url(),
        action=batch.action,
        title=what,
        whom=batch.whom,
        state=batch.state,
        state_label=_label(batch, counted),
        tone=_tone(batch, counted),
        by=batch.created_by,
        via=batch.via,
        reason=batch.reason,
        since=figures.stamp(batch.ended_at or batch.created_at),
        created_at=figures.stamp(batch.created_at),
        ended=ended,
        total=total,
        counts=_bar(counted, total),
        took=figures.seconds(lasted) if lasted is not None else "",
    )


def _label(batch: Batch, counted: Mapping[str, int]) -> str:
    """Where it is, in words; that it is done does not mean that all went well."""
    if batch.state == BatchStateChoice.RUNNING and batch.cancel_asked_at:
        return "Being cancelled"
    said = str(batch.get_state_display())
    failed = counted[ItemStateChoice.FAILED]
    if batch.state == BatchStateChoice.DONE and failed:
        return f"{said}, {failed} failed"
    return said


def _tone(batch: Batch, counted: Mapping[str, int]) -> str:
    """The state of a task that looks the same."""
    if batch.state == BatchStateChoice.RUNNING:
        return "running"
    if batch.state == BatchStateChoice.CANCELLED:
        return "cancelled"
    return "failed" if counted[ItemStateChoice.FAILED] else "succeeded"


def _bar(counted: Mapping[str, int], total: int) -> tuple[ItemCount, ...]:
    order = (*ENDED[:2], ItemStateChoice.BEGUN, ItemStateChoice.WAITING, ENDED[2])
    begin, found = 0.0, []
    for state in order:
        width = 1000 * counted[state] / (total or 1)
        label = str(state.label)
        found.append(
            ItemCount(state.value, label, counted[state], round(begin, 2), width)
        )
        begin += width
    return tuple(found)


def _item(item: BatchItem) -> ItemRow:
    there = item.agent is not None
    lasted = _lasted(item)
    return ItemRow(
        id=item.pk,
        position=item.position,
        agent=item.agent_name,
        agent_url=reverse("agent", args=[item.agent_name]) if there else "",
        state=item.state,
        state_label=item.get_state_display(),
        status=item.status,
        status_label=str(StatusChoice(item.status).label) if item.status else "",
        detail=item.detail,
        task=item.task_id,
        task_url=reverse("task", args=[item.task_id]) if item.task_id else "",
        began=figures.stamp_or_none(item.begun_at),
        took=figures.seconds(lasted) if lasted is not None else "",
    )


def _lasted(item: BatchItem) -> float | None:
    return _seconds(item.begun_at, item.ended_at)


def _seconds(begun: datetime | None, ended: datetime | None) -> float | None:
    if begun is None or ended is None:
        return None
    return round(max(0.0, (ended - begun).total_seconds()), 3)
