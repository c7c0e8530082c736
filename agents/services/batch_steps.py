"""The runner's door to batches: judge what is under way, begin what is next.

Nothing is remembered between two steps, so a hub that dies at any instant leaves the
rest to the next. Several runners may take steps at once.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from agents.models import Agent, Batch, BatchItem, Task
from agents.models.choices import BatchActionChoice, BatchStateChoice, ItemStateChoice
from agents.policy.clock import Moment
from agents.policy.states import Action, Desired
from agents.policy.tasks import TaskState
from agents.services import batches, brake, changes, lifecycle, phases, tasks
from agents.services.figures import seconds
from agents.services.lifecycle import Asked, Asker
from agents.services.tasks import Ask, CannotAsk
from agents.services.waiting import Wait

logger = logging.getLogger(__name__)

DELETED: Final = "the agent was deleted"


def step() -> bool:
    """Carry on with every batch that is open; whether one still is."""
    still_open = False
    rows = Batch.objects.filter(state=BatchStateChoice.RUNNING).order_by("pk")
    for batch in list(rows):
        try:
            with transaction.atomic():
                still_open = _carry_on(batch) or still_open
        except lifecycle.KeyTaken:
            logger.exception("batch %s cannot go on", batch.pk)
    return still_open


def _carry_on(batch: Batch) -> bool:
    # Whoever makes steps of the same batch waits here, so the limit holds.
    mine = Batch.objects.select_for_update().filter(pk=batch.pk)
    if mine.values_list("state", flat=True).first() != BatchStateChoice.RUNNING:
        return False
    judged = _judge(batch)
    begun = _begin(batch)
    over = batches.end_if_over(batch.pk)
    if judged or begun or over:
        changes.append_of_hub(changes.BATCH)
    return not over


# -- what is under way --


def _judge(batch: Batch) -> int:
    """Write down what has its outcome, or has waited for it too long; how many."""
    rows = BatchItem.objects.filter(batch=batch, state=ItemStateChoice.BEGUN)
    items = list(rows.select_related("agent", "task", "request"))
    if not items:
        return 0
    verdicts: Mapping[int, tuple[bool, str] | None]
    if batch.action == BatchActionChoice.ASK:
        verdicts = {one.pk: _of_task(one.task) for one in items}
    else:
        verdicts = _of_requests(Action(batch.action), items)
    count = 0
    for item in items:
        verdict = verdicts.get(item.pk) or _too_late(batch, item)
        if verdict is not None:
            count += _end(item, *verdict)
    return count


def _of_task(task: Task | None) -> tuple[bool, str] | None:
    if task is None:
        return False, "its task is gone"
    if not tasks.finished(task):
        return None
    why = task.error or task.reason or task.state
    return task.state == TaskState.SUCCEEDED, why


def _of_requests(
    action: Action, items: Sequence[BatchItem]
) -> dict[int, tuple[bool, str]]:
    """By item, for those whose outcome is known."""
    of_agent = {one.agent_id: one.pk for one in items}
    wait = Wait(
        action,
        [
            Asked(one.agent_id, one.agent_name, one.request_id, 0, already=False)
            for one in items
            if one.agent_id is not None and one.request_id is not None
        ],
    )
    wait.look()
    if not wait.done:
        wait.look()  # A later wish that serves as well was found: its own outcome.
    gone = (one.pk for one in items if None in (one.agent_id, one.request_id))
    found = dict.fromkeys(gone, (False, DELETED))
    by_name = {one.agent_name: of_agent[one.agent_id] for one in items}
    return found | {by_name[one.name]: (one.ok, one.detail) for one in wait.results}


def _too_late(batch: Batch, item: BatchItem) -> tuple[bool, str] | None:
    begun = Moment(item.begun_boot, item.begun_boot_seconds or 0.0)
    if begun.later(batch.patience).seconds_until() > 0:
        return None
    return False, f"no outcome after {seconds(batch.patience)}; it stays asked"


def _end(item: BatchItem, ok: bool, detail: str) -> int:
    still = BatchItem.objects.filter(pk=item.pk, state=ItemStateChoice.BEGUN)
    return still.update(
        state=ItemStateChoice.DONE if ok else ItemStateChoice.FAILED,
        detail=detail,
        status=item.agent.status if item.agent else "",
        ended_at=timezone.now(),
    )


# -- what is next --


def _begin(batch: Batch) -> int:
    """Begin as many as the limit lets; how many. While the fleet brake is pulled,
    only what ends something; none while the batch waits for a barrier."""
    if batch.waits_for_id is not None:
        return 0
    items = BatchItem.objects.filter(batch=batch)
    free = batch.at_once - items.filter(state=ItemStateChoice.BEGUN).count()
    waiting = items.filter(state=ItemStateChoice.WAITING).order_by("position")
    chosen = list(waiting[:free]) if free > 0 else []
    if not chosen or (starts_something(batch) and brake.pulled() is not None):
        return 0
    made = Moment.now()
    begun = [one for one in chosen if _take(one, made)]
    asker = Asker(
        batch.created_by, f"batch {batch.pk}", batch.reason, f"batch {batch.pk}"
    )
    if batch.action == BatchActionChoice.ASK:
        for item in begun:
            _ask_for_work(batch, item, asker)
    else:
        _ask_many(Action(batch.action), begun, asker, made)
    return len(begun)


def starts_something(batch: Batch) -> bool:
    """Whether the fleet brake holds it."""
    if batch.action == BatchActionChoice.ASK:
        return True
    return Action(batch.action).desired is Desired.RUNNING


def _take(item: BatchItem, made: Moment) -> bool:
    return bool(
        BatchItem.objects.filter(pk=item.pk, state=ItemStateChoice.WAITING).update(
            state=ItemStateChoice.BEGUN,
            begun_at=timezone.now(),
            begun_boot=made.boot,
            begun_boot_seconds=made.at,
        )
    )


def _ask_many(
    action: Action, items: Sequence[BatchItem], asker: Asker, made: Moment
) -> None:
    by_agent = {one.agent_id: one for one in items if one.agent_id is not None}
    asked = {one.agent_id: one for one in lifecycle.ask(action, by_agent, asker, made)}
    for item in items:
        if item.agent_id is None or item.agent_id not in asked:
            _end(item, False, DELETED)
            continue
        request = asked[item.agent_id].request_id
        BatchItem.objects.filter(pk=item.pk).update(request=request)


def _ask_for_work(batch: Batch, item: BatchItem, asker: Asker) -> None:
    told: dict[str, Any] = batch.ask
    wanted = Ask(**told, idempotency_key=asker.idempotency_key)
    try:
        if item.agent_id is None:
            raise CannotAsk(DELETED)
        task, _ = tasks.ask(item.agent_id, wanted, asker)
    except Agent.DoesNotExist:
        _end(item, False, DELETED)
    except CannotAsk as error:
        _end(item, False, str(error))
    else:
        BatchItem.objects.filter(pk=item.pk).update(task=task)
        phases.asked(item.pk, task.pk)
