"""Schedules that ask native agents for work: what cannot be asked, and the asking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from agents.models import Agent, Schedule, Task
from agents.models.choices import Kind, ScheduledAction
from agents.policy.dependencies import listed
from agents.policy.tasks import OPEN
from agents.services import figures, tasks
from agents.services.lifecycle import Asker
from agents.services.tasks import Ask, CannotAsk

VIA: Final = "schedule"
SHOWN: Final = 5


def key_start(schedule: Schedule) -> str:
    """How the idempotency keys of all its times begin."""
    return f"schedule {schedule.pk} at "


def problems(schedule: Schedule) -> dict[str, str]:
    """What is wrong with the work that it asks for, by field."""
    if schedule.action != ScheduledAction.ASK:
        return {}
    found = tasks.problems(_wanted(schedule))
    programs = Agent.objects.filter(name__in=schedule.names).exclude(
        kind=Kind.NATIVE_LLM
    )
    if name := programs.order_by("name").values_list("name", flat=True).first():
        found["names"] = tasks.program_refusal(name)
    return found


def ask(schedule: Schedule, agent_ids: Sequence[int], asker: Asker) -> tuple[bool, str]:
    """A task for each of these agents; whether all were asked, and what came of it.

    Who still has an earlier task of this schedule gets no other: an agent that is
    stopped over a week-end, or slower than its schedule, heaps up no work.
    """
    asked, refused = [], []
    wanted = _wanted(schedule, asker.idempotency_key)
    for agent in Agent.objects.filter(pk__in=agent_ids).order_by("name"):
        try:
            if busy := _unfinished(schedule, agent, asker.idempotency_key):
                raise CannotAsk(f"It has not finished task {busy} of this schedule.")
            task, _ = tasks.ask(agent.pk, wanted, asker)
        except Agent.DoesNotExist:
            refused.append(f"{agent.name}: It is no more.")
        except CannotAsk as error:
            refused.append(f"{agent.name}: {error}")
        else:
            asked.append(str(task.pk))
    said = f"{figures.counted(len(asked), 'agent')} asked"
    if asked:
        said += f": task{'s' if len(asked) > 1 else ''} {listed(asked)}"
    if len(refused) > SHOWN:
        refused[SHOWN:] = [f"{len(refused) - SHOWN} more were not asked"]
    return bool(asked) and not refused, "; ".join((said, *refused)).removesuffix(".")


def _wanted(schedule: Schedule, key: str = "") -> Ask:
    return Ask(
        prompt=schedule.prompt,
        paths=schedule.paths,
        priority=schedule.priority,
        timeout=schedule.timeout,
        max_attempts=schedule.max_attempts,
        idempotency_key=key,
    )


def _unfinished(schedule: Schedule, agent: Agent, key: str) -> int | None:
    """The task of an earlier time that this agent still has; None for none."""
    earlier = Task.objects.filter(
        agent=agent,
        via=VIA,
        idempotency_key__startswith=key_start(schedule),
        state__in=OPEN,
    ).exclude(idempotency_key=key)
    return earlier.values_list("pk", flat=True).first()
