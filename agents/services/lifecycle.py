"""What may be asked of agents: a Request row for each wish, then the bell.

Nothing acts here. The row, the new generation and the superseding of earlier
wishes are one transaction, so a wish is either recorded whole or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from agents.models import Agent, Request
from agents.models.choices import Kind, Outcome
from agents.policy.clock import Moment
from agents.policy.states import Action, Desired, Status
from agents.services import bell, changes, dependencies
from agents.services.bulk import Among, insert_many
from agents.services.dependencies import Seen


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, by which door, and why."""

    actor: str
    via: str
    reason: str = ""
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A recorded wish. `already`: the agent was so when it was asked."""

    agent_id: int
    name: str
    request_id: int
    generation: int
    already: bool


class KeyTaken(ValueError):
    """An idempotency key came again for another action; nothing is recorded."""


def ask(
    action: Action,
    agent_ids: Iterable[int],
    asker: Asker,
    made: Moment | None = None,
) -> list[Asked]:
    """Record one request for each agent, in one transaction; ring on commit.

    Who is to run needs those it depends on: they are asked to start as well, unless
    they run or will. What is answered is about the agents that were named.

    `made`: when it was asked, for callers that have waited for the database since;
    a restart asks for a process that begins later. None: now.

    A wish with an idempotency key that an agent has seen is not recorded again:
    the earlier one is answered, and KeyTaken is raised if it was for another action.
    Unknown ids are left out, and agents that the hub does not start.
    """
    ids = set(agent_ids)
    # Before the database is waited for: what begins meanwhile was asked for already.
    made = made or Moment.now()
    with transaction.atomic():
        needed = dependencies.below(ids) if action.desired is Desired.RUNNING else ()
        rows = (
            Agent.every.select_for_update()
            .exclude(kind=Kind.EXTERNAL)
            .filter(Q(pk__in=ids) | Q(name__in=needed) if needed else Among("pk", ids))
            .order_by("pk")
        )
        # What somebody depends on counts for starts alone.
        columns = Seen._fields if action.desired is Desired.RUNNING else _BUT_NEEDS
        locked = [Seen(*row) for row in rows.values_list(*columns)]
        agents = [agent for agent in locked if agent.pk in ids]
        seen = _seen(action, agents, asker.idempotency_key)
        fresh = [agent for agent in agents if agent.pk not in seen]
        asked = _record(action, fresh, asker, made)
        if needed:
            fresh += _ask_for_needed(fresh, locked, asker, made)
        for node in {agent.node for agent in fresh}:
            transaction.on_commit(lambda node=node: bell.ring(node))  # type: ignore[misc]
    by_id = seen | {one.agent_id: one for one in asked}
    return [by_id[agent.pk] for agent in agents]


def _seen(action: Action, agents: list[Seen], key: str) -> dict[int, Asked]:
    if not key:
        return {}
    names = {agent.pk: agent.name for agent in agents}
    earlier = list(Request.objects.filter(agent_id__in=names, idempotency_key=key))
    if other := next((one for one in earlier if one.action != action), None):
        raise KeyTaken(
            f"the idempotency key {key!r} was used to {other.action} "
            f"{other.agent_name}; use a new one to {action} it"
        )
    return {
        request.agent_id: Asked(
            request.agent_id,
            names[request.agent_id],
            request.pk,
            request.generation,
            already=True,
        )
        for request in earlier
        if request.agent_id is not None
    }


def _ask_for_needed(
    roots: list[Seen], locked: list[Seen], asker: Asker, made: Moment
) -> list[Seen]:
    """Ask for the start of what these agents need; who was asked."""
    others = {agent.name: agent for agent in locked}
    reasons = dependencies.to_start_too(roots, others)
    needed = [agent for agent in locked if agent.pk in reasons]
    _record(Action.START, needed, replace(asker, idempotency_key=""), made, reasons)
    return needed


_BUT_NEEDS: Final = tuple(name for name in Seen._fields if name != "depends_on")
_REQUEST: Final = (
    "agent",
    "agent_name",
    "action",
    "generation",
    "actor",
    "via",
    "reason",
    "idempotency_key",
    "at",
)


def _record(
    action: Action,
    agents: list[Seen],
    asker: Asker,
    made: Moment,
    reasons: Mapping[int, str] | None = None,
) -> list[Asked]:
    """`reasons`: an agent's own, where it is not the asker's."""
    if not agents:
        return []
    now = timezone.now()
    ids = [agent.pk for agent in agents]
    Agent.every.filter(Among("pk", ids)).update(
        generation=F("generation") + 1,
        desired_state=action.desired,
        wanted_action=action,
        wanted_by=asker.actor,
        wanted_boot=made.boot,
        wanted_boot_seconds=made.at,
    )
    open_ones = Request.objects.filter(Among("agent", ids), outcome=Outcome.OPEN)
    open_ones.update(
        outcome=Outcome.SUPERSEDED,
        detail=f"superseded by {asker.actor}'s {action}",
        settled_at=now,
    )
    insert_many(
        Request,
        _REQUEST,
        [
            (
                agent.pk,
                agent.name,
                action.value,
                agent.generation + 1,
                asker.actor,
                asker.via,
                _storable(reasons[agent.pk] if reasons else asker.reason),
                asker.idempotency_key,
                now,
            )
            for agent in agents
        ],
    )
    request_ids = dict(open_ones.values_list("agent_id", "pk"))
    changes.append(changes.REQUEST, ids)
    return [
        Asked(
            agent_id=agent.pk,
            name=agent.name,
            request_id=request_ids[agent.pk],
            generation=agent.generation + 1,
            already=_is_so(action, agent),
        )
        for agent in agents
    ]


def _storable(reason: str) -> str:
    """No wish shall fail for a letter of its reason that no database takes."""
    return reason.encode("utf-8", "replace").decode().replace("\0", "?")


def _is_so(action: Action, agent: Seen) -> bool:
    if agent.observed_generation != agent.generation:
        return False  # An open wish may be about to change it.
    if action is Action.START:
        return agent.status == Status.RUNNING
    if action is Action.RESTART:
        return False
    return agent.status == Status.STOPPED
