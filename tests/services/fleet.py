"""Agents in the tables, as people and supervisors would have left them."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils import timezone

from agents.models import Agent, Request, Run
from agents.policy.states import Action
from agents.services import lifecycle
from agents.services.lifecycle import Asked, Asker

BOB = Asker("bob", "page")


def make_agent(name: str = "worker", **values: Any) -> Agent:
    return Agent.objects.create(name=name, **{"command": ["sleep", "60"], **values})


def make_fleet(count: int, **values: Any) -> list[Agent]:
    return [make_agent(f"worker-{number:03d}", **values) for number in range(count)]


def settle(agent: Agent, **observed: Any) -> None:
    """As if the supervisor had done what was last asked."""
    asked = Agent.every.values_list("generation", flat=True).get(pk=agent.pk)
    Agent.every.filter(pk=agent.pk).update(observed_generation=asked, **observed)
    Request.objects.filter(agent=agent, outcome="").update(
        outcome="done", settled_at=timezone.now()
    )


def make_run(agent: Agent, number: int = 1, **values: Any) -> Run:
    given = {"id": uuid.uuid4(), "generation": 1, "revision": 1, "boot": "boot"}
    return Run.objects.create(
        agent=agent,
        agent_name=agent.name,
        number=number,
        created_at=timezone.now(),
        **{**given, **values},
    )


def ask(action: Action, *agents: Agent, asker: Asker = BOB) -> list[Asked]:
    return lifecycle.ask(action, [agent.pk for agent in agents], asker)
