"""Agents are made, changed and deleted here, by every door.

A change of set-up bumps `revision` and never restarts anything.
"""

from __future__ import annotations

from django.db import transaction

from agents.models import Agent
from agents.models.agent import SETUP_FIELDS
from agents.policy.states import Status
from agents.services import changes


class StillAlive(Exception):
    """The agent cannot be deleted while it lives; stop it first."""


def save(agent: Agent) -> list[str]:
    """Validate and store a new or changed set-up; the names of changed fields.

    Raises django's ValidationError with a message for each field.
    """
    agent.full_clean()
    with transaction.atomic():
        if agent._state.adding:
            agent.save(force_insert=True)
            changed = list(SETUP_FIELDS)
        else:
            stored = Agent.objects.select_for_update().get(pk=agent.pk)
            changed = [
                name
                for name in SETUP_FIELDS
                if getattr(agent, name) != getattr(stored, name)
            ]
            if not changed:
                return []
            agent.revision = stored.revision + 1
            agent.save(update_fields=[*changed, "revision"])
        changes.append(changes.AGENT, [agent.pk])
    return changed


def delete(agent: Agent) -> None:
    """Delete an agent that is not alive; its requests, runs and history stay."""
    with transaction.atomic():
        stored = Agent.objects.select_for_update().get(pk=agent.pk)
        settled = stored.generation == stored.observed_generation
        if not settled or stored.status not in (Status.STOPPED, Status.CRASHED):
            raise StillAlive(
                f"{agent.name} is {stored.status}. Stop it before deleting it."
            )
        stored.delete()
        changes.append(changes.AGENT, [agent.pk])
