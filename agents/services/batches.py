"""Batches: many agents asked as one job, recorded whole before any of it is done.

What people do to them. Who carries them on is `batch_steps`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from agents.models import Agent, Batch, BatchItem
from agents.models.choices import BatchActionChoice, BatchStateChoice, ItemStateChoice
from agents.policy.states import Action, Desired
from agents.services import audit, changes, dependencies, outside, phases, tasks
from agents.services.bulk import insert_many
from agents.services.lifecycle import Asker
from agents.services.phases import BadPhase, Bound, Phase
from agents.services.tasks import Ask

AT_ONCE: Final = 5
MOST_AT_ONCE: Final = 100
MOST_AGENTS: Final = 1000
# Seconds in which an agent has to have its outcome: of a request, of work.
PATIENCE: Final = 300.0
PATIENCE_FOR_WORK: Final = 3600.0
MOST_PATIENCE: Final = 7 * 86_400.0
OPEN_ITEMS: Final = (ItemStateChoice.WAITING, ItemStateChoice.BEGUN)


class CannotBatch(ValueError):
    """Nothing is recorded; the message says what to change, `field` where."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Wanted:
    """A batch to be made. `ask`: of the action *ask*. `unknown`: a sentence for each
    name of no agent. `patience` in seconds; None: what is usual."""

    action: BatchActionChoice
    agents: Sequence[Agent]
    ask: Ask | None = None
    at_once: int = AT_ONCE
    patience: float | None = None
    whom: str = ""
    unknown: Mapping[str, str] = field(default_factory=dict)
    key: str = ""


def make(wanted: Wanted, asker: Asker, user_id: int | None = None) -> Batch:
    """Record it; it is carried out by the supervisor's runner, at once or later.

    A key that the same person has used before gives the earlier batch. `user_id`:
    whose line in the audit log it is. Raises CannotBatch.
    """
    if (found := problems(wanted)) is not None:
        raise CannotBatch(found[1], found[0])
    if (earlier := _earlier(wanted, asker)) is not None:
        return earlier
    try:
        with transaction.atomic():
            bound = _bound(wanted, asker)
            waits_for, waits_generation = bound.waits or (None, None)
            arrives_at, arrives_generation = bound.arrives or (None, None)
            batch = Batch.objects.create(
                action=wanted.action,
                ask={} if wanted.ask is None else _as_json(wanted.ask),
                whom=wanted.whom,
                at_once=wanted.at_once,
                patience=_patience(wanted),
                reason=asker.reason,
                created_by=asker.actor,
                via=asker.via,
                idempotency_key=wanted.key,
                waits_for=waits_for,
                waits_generation=waits_generation,
                arrives_at=arrives_at,
                arrives_generation=arrives_generation,
            )
            _add_items(batch, wanted)
            phases.expect_items(batch.pk, bound.arrives)
            words = f"Made by {asker.via}: {wanted.action} {wanted.whom}".rstrip()
            audit.noted(user_id, [batch], words, audit.ADDITION)
            changes.append_of_hub(changes.BATCH)
    except IntegrityError:
        if (earlier := _earlier(wanted, asker)) is None:
            raise
        return earlier
    except BadPhase as error:
        raise CannotBatch(str(error), error.field) from None
    return batch


def _earlier(wanted: Wanted, asker: Asker) -> Batch | None:
    """The batch that the same person has made with this key."""
    if not wanted.key:
        return None
    made = Batch.objects.filter(created_by=asker.actor, idempotency_key=wanted.key)
    return made.first()


def _bound(wanted: Wanted, asker: Asker) -> Bound:
    phase = Phase() if wanted.ask is None else wanted.ask.phase
    names = sorted({one.name for one in wanted.agents if not one.external})
    return phases.bind(phase, names, asker.actor)


def problems(wanted: Wanted) -> tuple[str, str] | None:
    """The first thing that is wrong with it: which field, and what to change."""
    count = len(wanted.agents) + len(wanted.unknown)
    if not count:
        return "names", "No agent is chosen."
    if count > MOST_AGENTS:
        return "names", f"A batch has {MOST_AGENTS} agents at most; these are {count}."
    if not 1 <= wanted.at_once <= MOST_AT_ONCE:
        return "at_once", f"Between 1 and {MOST_AT_ONCE} agents are done at once."
    if not 1 <= _patience(wanted) <= MOST_PATIENCE:
        return "patience", "Give each agent between 1 second and 7 days."
    if wanted.action != BatchActionChoice.ASK:
        return None
    if wanted.ask is None:
        return "prompt", "Say what is to be done: the prompt is empty."
    return next(iter(tasks.problems(wanted.ask).items()), None)


def cancel(batch_id: int, asker: Asker, user_id: int | None = None) -> Batch:
    """What is not begun is not begun; what is under way goes on to its end.

    Cancelled or over already is no error. Raises Batch.DoesNotExist.
    """
    now = timezone.now()
    with transaction.atomic():
        fresh = Batch.objects.filter(
            pk=batch_id, state=BatchStateChoice.RUNNING, cancel_asked_at=None
        ).update(
            cancel_asked_at=now,
            cancel_asked_by=asker.actor,
            cancel_reason=asker.reason,
            waits_for=None,
            waits_generation=None,
        )
        if fresh:
            BatchItem.objects.filter(
                batch=batch_id, state=ItemStateChoice.WAITING
            ).update(
                state=ItemStateChoice.CANCELLED,
                detail=f"not begun: cancelled by {asker.actor}",
                ended_at=now,
            )
            end_if_over(batch_id)
            changes.append_of_hub(changes.BATCH)
        batch = Batch.objects.get(pk=batch_id)
        if fresh:
            why = f": {asker.reason}" if asker.reason else "."
            audit.noted(user_id, [batch], f"Cancelled by {asker.via}{why}")
    return batch


def end_if_over(batch_id: int) -> bool:
    """Close it once nothing of it is open, in the transaction that ended the last."""
    if BatchItem.objects.filter(batch=batch_id, state__in=OPEN_ITEMS).exists():
        return False
    now = timezone.now()
    running = Batch.objects.filter(pk=batch_id, state=BatchStateChoice.RUNNING)
    # It is cancelled only if that has kept something from being begun.
    kept = Q(items__state=ItemStateChoice.CANCELLED)
    over = {"ended_at": now, "waits_for": None, "waits_generation": None}
    if running.filter(kept, cancel_asked_at__isnull=False).exists():
        return bool(running.update(state=BatchStateChoice.CANCELLED, **over))
    return bool(running.update(state=BatchStateChoice.DONE, **over))


def _patience(wanted: Wanted) -> float:
    if wanted.patience is not None:
        return wanted.patience
    works = wanted.action == BatchActionChoice.ASK
    return PATIENCE_FOR_WORK if works else PATIENCE


def _as_json(ask: Ask) -> dict[str, object]:
    told = asdict(ask) | {"paths": list(ask.paths), "budget": dict(ask.budget)}
    del told["idempotency_key"], told["follows"], told["phase"]
    return told


def _add_items(batch: Batch, wanted: Wanted) -> None:
    """In the order in which they are done: what others need starts first and ends
    last."""
    chosen = list({agent.pk: agent for agent in wanted.agents}.values())
    agents = [agent for agent in chosen if not agent.external]
    refused = dict(wanted.unknown) | {
        agent.name: outside.refusal(agent.name) for agent in chosen if agent.external
    }
    if wanted.action != BatchActionChoice.ASK:
        starts = Action(wanted.action).desired is Desired.RUNNING
        in_order = (
            dependencies.dependencies_first if starts else dependencies.dependents_first
        )
        agents = in_order(agents)
    known = {agent.name for agent in agents}
    places: list[tuple[int | None, str, ItemStateChoice, str]] = [
        (agent.pk, agent.name, ItemStateChoice.WAITING, "") for agent in agents
    ]
    places += [
        (None, name, ItemStateChoice.FAILED, text)
        for name, text in refused.items()
        if name not in known
    ]
    now = timezone.now()
    insert_many(
        BatchItem,
        ("batch", "position", "agent", "agent_name", "state", "detail", "ended_at"),
        [
            (batch.pk, number, pk, name, state.value, detail, None if pk else now)
            for number, (pk, name, state, detail) in enumerate(places, 1)
        ],
    )
    if not agents:
        end_if_over(batch.pk)
