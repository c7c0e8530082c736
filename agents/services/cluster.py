"""The hub's own django-q2 cluster: an agent that people neither set up nor steer.

So it is begun, adopted, restarted, stopped and shown as every agent is, and rows say
whether it is wanted: it runs while some enabled schedule needs it.
"""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from agents.models import Agent, Schedule
from agents.models.choices import AutoRestart
from agents.policy.setup import CLUSTER_NAME
from agents.policy.states import ALIVE, Action, Desired, Status
from agents.services import changes, lifecycle
from agents.services.lifecycle import Asked, Asker

ADAPTER: Final = "cluster"
# It ends in about a second; a job that writes to a locked database takes longer.
GRACE: Final = 5.0


def keep(reason: str) -> None:
    """Ask for what the schedules need now: a cluster, or none. Harmless if it is so."""
    with transaction.atomic():
        agent = _row().select_for_update().first()
        if agent is not None:
            changes.append(changes.AGENT, [agent.pk])  # Open pages show schedules.
        if not Schedule.objects.filter(enabled=True).exists():
            if agent is not None and agent.desired_state == Desired.RUNNING:
                _ask(Action.STOP, agent, reason)
            return
        if agent is None:
            agent = Agent.every.create(
                name=CLUSTER_NAME,
                internal=True,
                adapter=ADAPTER,
                role="Runs the schedules",
                auto_restart=AutoRestart.ALWAYS,
                max_restarts=None,
                stop_grace=GRACE,
            )
        settled = agent.generation == agent.observed_generation
        crashed = settled and agent.status == Status.CRASHED
        if crashed or agent.desired_state != Desired.RUNNING:
            _ask(Action.START, agent, reason)


def end(reason: str) -> Asked | None:
    """Ask for its end, whatever the schedules need; None where none is alive."""
    with transaction.atomic():
        agent = _row().select_for_update().first()
        if agent is None:
            return None
        alive = Status(agent.status) in ALIVE | {Status.BACKOFF}
        if not alive and agent.generation == agent.observed_generation:
            return None
        return _ask(Action.STOP, agent, reason)


def _row() -> QuerySet[Agent]:
    return Agent.every.filter(name=CLUSTER_NAME, internal=True)


def _ask(action: Action, agent: Agent, reason: str) -> Asked:
    [asked] = lifecycle.ask(action, [agent.pk], Asker("agenthub", "hub", reason))
    return asked
