"""A supervisor's word, written through the services that a real one writes through."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from agents.models import Agent, Run
from agents.policy.states import Outcome, Status
from agents.services import recording
from agents.services.recording import Observed, RunChange, RunOpened, Settlement, Step


def seen(agent_id: int, status: Status, reason: str = "as told", **more: Any) -> Step:
    """A step of one agent to a status; the fields of Observed can be given."""
    agent = Agent.objects.get(pk=agent_id)
    observed = Observed(
        status=status,
        since=timezone.now(),
        reason=reason,
        source="test",
        generation=more.pop("generation", agent.generation),
        run_id=agent.run_id,
        **more,
    )
    return Step(agent.pk, agent.name, Status(agent.status), observed)


def passing(agent_id: int, status: Status, reason: str = "as told") -> None:
    """The agent is on its way: nothing is settled yet."""
    recording.record([seen(agent_id, status, reason)])


def settled(agent_id: int, status: Status, outcome: Outcome, detail: str = "") -> None:
    """The agent's open request has come to an end, in this status."""
    step = seen(agent_id, status, detail or "as told")
    generation = step.after.generation
    recording.record([replace(step, settled=Settlement(generation, outcome, detail))])


def run_of(agent: Agent, *, pid: int = 4242, began: datetime | None = None) -> Run:
    """The agent's next run: it is starting, then running."""
    began = began or timezone.now() - timedelta(seconds=30)
    number = Run.objects.filter(agent=agent).count() + 1
    opened = RunOpened(
        id=uuid.uuid4(),
        agent_id=agent.pk,
        agent_name=agent.name,
        number=number,
        generation=agent.generation,
        restart_number=number - 1,
        revision=agent.revision,
        setup={},
        boot="",
        created_at=began,
    )
    starting = seen(agent.pk, Status.STARTING, "start asked")
    after = replace(starting.after, run_id=opened.id, run_revision=agent.revision)
    recording.record([replace(starting, opened=opened, after=after)])
    values = {"pid": pid, "start_ticks": 1, "started_at": began}
    running = seen(agent.pk, Status.RUNNING, "the program was executed")
    after = replace(
        running.after, pid=pid, started_at=began, run_revision=agent.revision
    )
    changes = (RunChange(opened.id, values),)
    recording.record([replace(running, after=after, run_changes=changes)])
    return Run.objects.get(pk=opened.id)


def end_of(run: Run, status: Status, code: int, reason: str) -> None:
    """The run is over, and its agent is in this status."""
    assert run.agent_id is not None
    now = timezone.now()
    values = {"exited_at": now, "ended_at": now, "exit_code": code, "reason": reason}
    step = seen(run.agent_id, status, reason, stopped_at=now)
    recording.record([replace(step, run_changes=(RunChange(run.pk, values),))])
