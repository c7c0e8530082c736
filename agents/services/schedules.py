"""Schedules: stored with their row of django-q2, and what is done when one is due.

django-q2 only calls `fire` with an id and a time; the wish goes through `lifecycle`,
the task through `tasks`, like any other, under the name of the schedule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django_q.models import Schedule as DueTime

from agents.models import Agent, Schedule
from agents.models.choices import ScheduledAction
from agents.policy import schedule as rules
from agents.policy.dependencies import listed, unknown_problem
from agents.policy.setup import CLUSTER_NAME
from agents.policy.states import Action
from agents.services import (
    brake,
    cluster,
    cron,
    figures,
    lifecycle,
    nodes,
    outside,
    overview,
    scheduled_tasks,
)
from agents.services.dependencies import not_startable
from agents.services.figures import Stamp
from agents.services.inserting import insert
from agents.services.lifecycle import Asked, Asker
from agents.services.overview import AgentRow
from agents.services.task_list import title

# What people and programs write of it.
WRITTEN: Final = (
    *("name", "action", "names", "labels", "cron", "enabled"),
    *rules.OF_TASKS,
)
SHOWN: Final = 5
MISSED: Final = "missed"
NOBODY: Final = "0 agents"
UNSUPERVISED: Final = (
    "missed: no supervisor was running, and missed times are not caught up"
)


def save(schedule: Schedule) -> None:
    """Validate and store; from now on its times are kept, if it is enabled.

    Raises django's ValidationError with a message for each field.
    """
    schedule.cron = " ".join(schedule.cron.split())
    schedule.full_clean()
    if text := problems(schedule):
        raise ValidationError(text)
    with transaction.atomic():
        if schedule._state.adding:
            insert(schedule)
        else:  # What came of its latest time is written by `fire`, perhaps just now.
            schedule.save(update_fields=WRITTEN)
        _keep_due_time(schedule)
        cluster.keep(f"schedule {schedule.name} was saved")


def delete(schedule: Schedule) -> None:
    """Its times are kept no longer; what it asked for stays in the records."""
    with transaction.atomic():
        name = _due_name(schedule.pk)
        reason = f"schedule {schedule.name} was deleted"
        DueTime.objects.filter(name=name).delete()
        schedule.delete()
        cluster.keep(reason)


def problems(schedule: Schedule) -> dict[str, str]:
    """What is wrong with it beside the form of its values, by field."""
    found = scheduled_tasks.problems(schedule)
    if text := cron.problem(schedule.cron):
        found["cron"] = text
    if schedule.names:
        known = set(Agent.objects.values_list("name", flat=True))
        if text := unknown_problem(schedule.names, known):
            found["names"] = text
        elif foreign := not_startable(schedule.names):
            found["names"] = outside.refusal(foreign)
    return found


def next_time(schedule: Schedule) -> datetime | None:
    """When it comes round; None while its times are not kept."""
    if not schedule.enabled or cron.problem(schedule.cron):
        return None
    return cron.upcoming(schedule.cron, 1)[0]


def _keep_due_time(schedule: Schedule) -> None:
    """django-q2's row says the same as ours."""
    name = _due_name(schedule.pk)
    if not schedule.enabled:
        DueTime.objects.filter(name=name).delete()
        return
    DueTime.objects.update_or_create(
        name=name,
        defaults={
            "func": "agents.services.schedules.fire",
            "args": f"{schedule.pk},",
            "intended_date_kwarg": "due",
            "schedule_type": DueTime.CRON,
            "cron": schedule.cron,
            "next_run": cron.upcoming(schedule.cron, 1)[0],
            "repeats": -1,
        },
    )


def _due_name(schedule_id: int) -> str:
    return f"agenthub-{schedule_id}"


def fire(schedule_id: int, due: str) -> str:
    """Ask what the schedule says, for the time that was due; what came of it.

    Called by django-q2, perhaps twice for one time: it is asked once. A time that
    nobody was there to keep is noted, and not made up for.
    """
    schedule = Schedule.objects.filter(pk=schedule_id, enabled=True).first()
    if schedule is None:
        return "there is no such schedule any more"
    at = datetime.fromisoformat(due)
    if schedule.last_at == at:
        return schedule.last_outcome
    why = rules.missed(at, timezone.now())
    if why is None and not nodes.is_supervised():
        why = UNSUPERVISED
    if why is None and (held := brake.pulled()) is not None:
        why = f"not asked: {brake.words(held)}"
    if why is not None:
        return _note(schedule, at, False, why)
    agents, missing = chosen(schedule)
    key = f"{scheduled_tasks.key_start(schedule)}{due}"
    reason = f"due at {figures.stamp(at).text}"
    asker = Asker(f"schedule {schedule.name}", scheduled_tasks.VIA, reason, key)
    with transaction.atomic():
        if schedule.action == ScheduledAction.ASK:
            ok, said = scheduled_tasks.ask(schedule, agents, asker)
        else:
            asked = lifecycle.ask(Action(schedule.action), agents, asker)
            ok, said = bool(asked), _said(schedule, asked)
        if missing:
            said += f"; there is no {listed(missing)} any more"
        return _note(schedule, at, ok and not missing, said)


def chosen(schedule: Schedule) -> tuple[list[int], list[str]]:
    """The ids of its agents as they are now, and the names of those that are gone."""
    if schedule.names:
        found = dict(
            Agent.objects.startable()
            .filter(name__in=schedule.names)
            .values_list("name", "pk")
        )
        return list(found.values()), [n for n in schedule.names if n not in found]
    wanted = schedule.labels.items()
    return [
        pk
        for pk, labels in Agent.objects.startable().values_list("pk", "labels")
        if wanted <= labels.items()
    ], []


def _said(schedule: Schedule, asked: Sequence[Asked]) -> str:
    already = sum(one.already for one in asked)
    text = f"{figures.counted(len(asked), 'agent')} asked to {schedule.action}"
    if already:
        text += f", {already} already so"
    return text


def _note(schedule: Schedule, at: datetime, ok: bool, outcome: str) -> str:
    Schedule.objects.filter(pk=schedule.pk).update(
        last_at=at, last_ok=ok, last_outcome=outcome
    )
    return outcome


@dataclass(frozen=True, slots=True)
class ComingView:
    """One schedule and its next time. `prompt`: how it begins, of one that asks."""

    name: str
    action: str
    whom: str
    prompt: str
    at: Stamp
    last: Stamp | None
    ok: bool
    outcome: str


@dataclass(frozen=True, slots=True)
class SchedulesView:
    """What keeps the times, and which come next. `cluster`: None before the first."""

    enabled: int
    cluster: AgentRow | None
    coming: tuple[ComingView, ...]


def view() -> SchedulesView:
    """The schedules that are on, those that come next first."""
    enabled = list(Schedule.objects.filter(enabled=True))
    coming = sorted(
        ((at, one) for one in enabled if (at := next_time(one))),
        key=lambda pair: (pair[0], pair[1].name),
    )
    agent = Agent.every.filter(name=CLUSTER_NAME).only(*overview.ROW_FIELDS).first()
    return SchedulesView(
        enabled=len(enabled),
        cluster=overview.row(agent) if agent else None,
        coming=tuple(_coming(one, at) for at, one in coming[:SHOWN]),
    )


def _coming(schedule: Schedule, at: datetime) -> ComingView:
    groups = [f"{key}={value}" for key, value in sorted(schedule.labels.items())]
    return ComingView(
        name=schedule.name,
        action=schedule.action,
        whom=listed(schedule.names or groups),
        prompt=title(schedule.prompt) if schedule.prompt else "",
        at=figures.stamp(at),
        last=figures.stamp_or_none(schedule.last_at),
        ok=schedule.last_ok is not False,
        outcome=schedule.last_outcome,
    )
