"""What the fleet brake ends, and what its release lets go on.

What may enter: what happens to agents and work in the transaction of a pull or release,
and what a pull has left to be done once work has ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.db.models import Q

from agents.models import Agent, Brake, Task
from agents.policy.clock import Moment
from agents.policy.states import ALIVE, Action, Desired
from agents.policy.tasks import TaskState
from agents.services import brake, changes, lifecycle, tasks
from agents.services.bulk import Among
from agents.services.lifecycle import Asker
from agents.services.tasks import CannotChange


def affected() -> list[Agent]:
    """Those that do something, or are to."""
    alive = [status.value for status in ALIVE]
    busy = Q(status__in=alive) | Q(desired_state=Desired.RUNNING)
    columns = ("name", "node", "status", "run", "desired_state")
    return list(Agent.objects.filter(busy).only(*columns).order_by("name"))


def stop(
    agents: Sequence[Agent], found: Brake, asker: Asker, made: Moment
) -> list[dict[str, Any]]:
    """Ask all to stop; those of them that were to run, with the request."""
    told = replace(asker, reason=brake.words(found), idempotency_key="")
    asked = lifecycle.ask(Action.STOP, [agent.pk for agent in agents], told, made)
    wanted = {a.pk for a in agents if a.desired_state == Desired.RUNNING}
    return [
        {"agent": one.agent_id, "name": one.name, "generation": one.generation}
        for one in sorted(asked, key=lambda one: one.name)
        if one.agent_id in wanted
    ]


def at_work() -> list[int]:
    """The agents with work that has begun."""
    running = Task.objects.filter(state=TaskState.RUNNING, agent__isnull=False)
    return sorted(set(running.values_list("agent_id", flat=True)))


def interrupt() -> list[int]:
    """Ring for all work that has begun: its run looks, and finds the brake."""
    rows = Task.objects.filter(state=TaskState.RUNNING).order_by("pk")
    found = list(rows.values_list("pk", "agent_id"))
    for task_id, agent_id in found:
        changes.append_task(agent_id, task_id)
    return [task_id for task_id, _ in found]


def stop_finished() -> bool:
    """Stop those that were let finish and have; whether some still work.

    Called over and over by the hub's runner while any does.
    """
    with transaction.atomic():
        rows = Brake.objects.select_for_update().filter(pulled=True)
        found = rows.exclude(awaited=[]).first()
        if found is None:
            return False
        working = sorted(set(found.awaited) & set(at_work()))
        over = set(found.awaited) - set(working)
        if over:
            asker = Asker(found.pulled_by, found.via)
            wanted = Agent.objects.filter(pk__in=over, desired_state=Desired.RUNNING)
            found.stopped += stop(list(wanted), found, asker, Moment.now())
            found.awaited = working
            found.save(update_fields=["stopped", "awaited"])
            changes.append_of_hub(changes.BRAKE)
    return bool(working)


def start_again(found: Brake, asker: Asker) -> None:
    stops = {one["agent"]: one["generation"] for one in found.stopped}
    rows = Agent.objects.filter(Among("pk", stops)).values_list("pk", "generation")
    mine = [pk for pk, generation in rows if generation == stops[pk]]
    lifecycle.ask(Action.START, mine, replace(asker, idempotency_key=""))


def go_on(found: Brake, asker: Asker) -> None:
    rows = Task.objects.filter(
        pk__in=found.interrupted, state=TaskState.INTERRUPTED, agent__isnull=False
    )
    for task_id in list(rows.values_list("pk", flat=True)):
        with suppress(CannotChange):  # Somebody was quicker.
            tasks.go_on(task_id, asker)


def wake_those_with_work() -> None:
    """They found nothing to claim while the brake was pulled."""
    states = (TaskState.QUEUED, TaskState.WAITING_FOR_LOCK)
    waiting = Task.objects.filter(state__in=states, agent__isnull=False)
    changes.append(changes.TASK, set(waiting.values_list("agent_id", flat=True)))
