"""Agents are made, changed and deleted here, by every door.

A change of set-up bumps `revision` and never restarts anything; what a run was
launched with stays until its restart, all else takes effect at once.
"""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction

from agents.models import Agent, Provider
from agents.models.setup_fields import LAUNCH_FIELDS, SETUP_FIELDS
from agents.policy.dependencies import listed
from agents.policy.states import Status
from agents.services import (
    barrier_ends,
    changes,
    dependencies,
    providers,
    tasks,
)
from agents.services.inserting import insert


class CannotDelete(Exception):
    """The agent has to stay for now; the message says why and what to do."""


class StillAlive(CannotDelete):
    """The agent cannot be deleted while it lives; stop it first."""


class StillNeeded(CannotDelete):
    """Other agents depend on it."""


def save(agent: Agent) -> list[str]:
    """Validate and store a new or changed set-up; the names of changed fields.

    Raises django's ValidationError with a message for each field.
    """
    agent.full_clean()
    with transaction.atomic():
        if agent._state.adding:
            # Again, now that nobody else writes: another may have taken the name.
            agent.validate_unique()
            agent.validate_constraints()
            _check_dependencies(agent)
            _check_provider(agent)
            insert(agent)
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
            if "depends_on" in changed:
                _check_dependencies(agent)
            if "provider" in changed:
                _check_provider(agent)
            agent.revision = stored.revision + 1
            agent.launch_revision = stored.launch_revision
            if not set(changed).isdisjoint(LAUNCH_FIELDS):
                agent.launch_revision = agent.revision
            agent.save(update_fields=[*changed, "revision", "launch_revision"])
        changes.append(changes.SETUP, [agent.pk])
    return changed


def _check_dependencies(agent: Agent) -> None:
    """In the transaction that stores them: no circle comes to be in two halves."""
    if problem := dependencies.problem(agent.name, agent.depends_on):
        raise ValidationError({"depends_on": problem})


def _check_provider(agent: Agent) -> None:
    """Locked until this is stored: so nobody deletes the provider in between."""
    named = Provider.objects.select_for_update().filter(name=agent.provider)
    if agent.provider and not named.exists():
        raise ValidationError({"provider": providers.unknown(agent.provider)})


def delete(agent: Agent) -> None:
    """Delete an agent that is not alive; its requests, runs, tasks and history stay.

    Raises CannotDelete where it lives or others depend on it.
    """
    with transaction.atomic():
        stored = Agent.objects.select_for_update().get(pk=agent.pk)
        if stored.status not in (Status.STOPPED, Status.CRASHED):
            raise StillAlive(
                f"{stored.name} is {stored.status}. Stop it before deleting it."
            )
        if stored.generation != stored.observed_generation:
            raise StillAlive(
                f"{stored.name} has been asked to {stored.wanted_action}. "
                "Stop it, or wait until that is done, before deleting it."
            )
        if others := dependencies.dependents(stored.name):
            who = listed(others)
            raise StillNeeded(
                f"{stored.name} is needed by {who}. "
                f"Change what {who} depend{'s' if len(others) == 1 else ''} on first."
            )
        tasks.end_all_of(stored.pk)
        barrier_ends.told_of_deletion(stored.name)
        stored.delete()
        changes.append(changes.SETUP, [agent.pk], gone=agent.name)
