"""The fleet brake: pulled by one call, for all agents at once, until it is released.

It is a row, so it holds over any restart. Whoever begins something asks for it: the
claim of a task in the query it makes anyway, the supervisor once it has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import Exists, Q
from django.utils import timezone

from agents.models import Agent, Brake, StatusChange, Task
from agents.policy import brake as rules
from agents.policy.clock import Moment
from agents.policy.states import ALIVE, Action, Desired
from agents.policy.tasks import TaskState
from agents.services import audit, bell, changes, lifecycle, tasks
from agents.services.bulk import Among, insert_many
from agents.services.lifecycle import Asker
from agents.services.tasks import CannotChange

SOURCE: Final = "fleet brake"
NO_REASON: Final = "Say why: everybody who looks at a page will ask."


class CannotBrake(ValueError):
    """Nothing was done; the message says what to change, `field` where."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class NotPulled(ValueError):
    """There is no brake to release."""


@dataclass(frozen=True, slots=True)
class Pull:
    """How hard. `stop`: agents are stopped, else left; `finish`: work that has begun
    may end by itself, else it is interrupted. With both, who works is stopped then."""

    stop: bool = False
    finish: bool = False


def pulled() -> Brake | None:
    """The brake that holds now; None while none does."""
    return Brake.objects.filter(pulled=True).first()


def as_seen() -> rules.Brake:
    """The same, as the supervisor takes it."""
    found = pulled()
    return rules.RELEASED if found is None else as_rule(found)


def as_rule(found: Brake) -> rules.Brake:
    """A brake that is pulled, as policy knows it."""
    moment = Moment(found.made_boot, found.made_boot_seconds)
    return rules.Brake(moment, words(found))


def holds() -> Exists:
    """For a query that is made anyway: whether a brake is pulled."""
    return Exists(Brake.objects.filter(pulled=True))


def interrupts() -> Exists:
    """Likewise: whether one is pulled that interrupts work which has begun."""
    return Exists(Brake.objects.filter(pulled=True, interrupts=True))


def words(found: Brake) -> str:
    """By whom it was pulled and why, in a few words."""
    return rules.in_words(found.pulled_by, found.reason)


def pull(how: Pull, asker: Asker, user_id: int | None = None) -> tuple[Brake, bool]:
    """Pull it; the brake, and whether that is new: pulled twice, the first counts.

    `user_id`: whose line in the audit log it is. Raises CannotBrake.
    """
    if not asker.reason.strip():
        raise CannotBrake(NO_REASON, "reason")
    made = Moment.now()
    with transaction.atomic():
        if (earlier := pulled()) is not None:
            return earlier, False
        try:
            with transaction.atomic():
                found = _row(how, asker, made)
        except IntegrityError:  # Somebody else, in this very moment.
            return Brake.objects.get(pulled=True), False
        affected = _affected()
        if how.stop:
            found.awaited = _at_work() if how.finish else []
            idle = [agent for agent in affected if agent.pk not in found.awaited]
            found.stopped = _stop(idle, found, asker, made)
        if not how.finish:
            found.interrupted = _interrupt()
        found.save(update_fields=["stopped", "interrupted", "awaited"])
        _note(affected, f"{words(found)}; {_what(found)}", asker)
        audit.noted(user_id, [found], f"Pulled by {asker.via}: {asker.reason}")
        _tell(affected)
    return found, True


def stop_finished() -> bool:
    """Stop those that were let finish and have; whether some still work.

    Called over and over by the hub's runner while any does.
    """
    with transaction.atomic():
        rows = Brake.objects.select_for_update().filter(pulled=True)
        found = rows.exclude(awaited=[]).first()
        if found is None:
            return False
        working = sorted(set(found.awaited) & set(_at_work()))
        over = set(found.awaited) - set(working)
        if over:
            asker = Asker(found.pulled_by, found.via)
            wanted = Agent.objects.filter(pk__in=over, desired_state=Desired.RUNNING)
            found.stopped += _stop(list(wanted), found, asker, Moment.now())
            found.awaited = working
            found.save(update_fields=["stopped", "awaited"])
            changes.append_of_hub(changes.BRAKE)
    return bool(working)


def release(asker: Asker, *, go_on: bool, user_id: int | None = None) -> Brake:
    """Let work begin again. `go_on`: start the agents that it stopped and nobody has
    asked anything since, and let the work go on that it interrupted.

    Raises CannotBrake, and NotPulled.
    """
    if not asker.reason.strip():
        raise CannotBrake("Say why it may go on.", "reason")
    with transaction.atomic():
        found = Brake.objects.select_for_update().filter(pulled=True).first()
        if found is None:
            raise NotPulled("The fleet brake is not pulled.")
        found.pulled, found.released_at = False, timezone.now()
        found.released_by, found.release_reason = asker.actor, asker.reason
        found.went_on, found.awaited = go_on, []
        found.save()
        if go_on:
            _start_again(found, asker)
            _go_on(found, asker)
        affected = _affected()
        text = f"the fleet brake was released by {asker.actor}: {asker.reason}"
        _note(affected, text, asker)
        audit.noted(user_id, [found], f"Released by {asker.via}: {asker.reason}")
        _wake_those_with_work()
        _tell(affected)
    return found


def _row(how: Pull, asker: Asker, made: Moment) -> Brake:
    return Brake.objects.create(
        pulled_by=asker.actor,
        via=asker.via,
        reason=asker.reason,
        made_boot=made.boot,
        made_boot_seconds=made.at,
        stops=how.stop,
        interrupts=not how.finish,
    )


def _affected() -> list[Agent]:
    """Those that do something, or are to."""
    alive = [status.value for status in ALIVE]
    busy = Q(status__in=alive) | Q(desired_state=Desired.RUNNING)
    columns = ("name", "node", "status", "run", "desired_state")
    return list(Agent.objects.filter(busy).only(*columns).order_by("name"))


def _stop(
    agents: Sequence[Agent], found: Brake, asker: Asker, made: Moment
) -> list[dict[str, Any]]:
    """Ask all to stop; those of them that were to run, with the request."""
    told = replace(asker, reason=words(found), idempotency_key="")
    asked = lifecycle.ask(Action.STOP, [agent.pk for agent in agents], told, made)
    wanted = {a.pk for a in agents if a.desired_state == Desired.RUNNING}
    return [
        {"agent": one.agent_id, "name": one.name, "generation": one.generation}
        for one in sorted(asked, key=lambda one: one.name)
        if one.agent_id in wanted
    ]


def _at_work() -> list[int]:
    """The agents with work that has begun."""
    running = Task.objects.filter(state=TaskState.RUNNING, agent__isnull=False)
    return sorted(set(running.values_list("agent_id", flat=True)))


def _interrupt() -> list[int]:
    """Ring for all work that has begun: its run looks, and finds the brake."""
    rows = Task.objects.filter(state=TaskState.RUNNING).order_by("pk")
    found = list(rows.values_list("pk", "agent_id"))
    for task_id, agent_id in found:
        changes.append_task(agent_id, task_id)
    return [task_id for task_id, _ in found]


def _start_again(found: Brake, asker: Asker) -> None:
    stops = {one["agent"]: one["generation"] for one in found.stopped}
    rows = Agent.objects.filter(Among("pk", stops)).values_list("pk", "generation")
    mine = [pk for pk, generation in rows if generation == stops[pk]]
    lifecycle.ask(Action.START, mine, replace(asker, idempotency_key=""))


def _go_on(found: Brake, asker: Asker) -> None:
    rows = Task.objects.filter(
        pk__in=found.interrupted, state=TaskState.INTERRUPTED, agent__isnull=False
    )
    for task_id in list(rows.values_list("pk", flat=True)):
        with suppress(CannotChange):  # Somebody was quicker.
            tasks.go_on(task_id, asker)


def _wake_those_with_work() -> None:
    """They found nothing to claim while the brake was pulled."""
    states = (TaskState.QUEUED, TaskState.WAITING_FOR_LOCK)
    waiting = Task.objects.filter(state__in=states, agent__isnull=False)
    changes.append(changes.TASK, set(waiting.values_list("agent_id", flat=True)))


def _what(found: Brake) -> str:
    agents = "agents are stopped" if found.stops else "agents run on"
    work = "work is interrupted" if found.interrupts else "work may finish"
    return f"{agents}, {work}, none begins"


def _note(agents: Iterable[Agent], reason: str, asker: Asker) -> None:
    """A line in the history of each."""
    now = timezone.now()
    columns = (
        *("agent", "agent_name", "from_status", "to_status"),
        *("reason", "source", "actor", "run", "at"),
    )
    insert_many(
        StatusChange,
        columns,
        [
            (
                *(one.pk, one.name, one.status, one.status),
                *(reason, SOURCE, asker.actor, one.run_id, now),
            )
            for one in agents
        ],
    )


def _tell(agents: Sequence[Agent]) -> None:
    """After the lines of the history; every node's supervisor is rung."""
    changes.append_of_hub(changes.BRAKE)
    changes.append(changes.AGENT, [agent.pk for agent in agents])
    for node in {"local", *(agent.node for agent in agents)}:
        transaction.on_commit(lambda node=node: bell.ring(node))  # type: ignore[misc]
