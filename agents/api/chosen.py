"""Which agents a call means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Manager, QuerySet

from agents.api.problems import Problem
from agents.models import Agent
from agents.policy.hints import did_you_mean
from agents.services import outside


@dataclass(frozen=True, slots=True)
class NamedAgents:
    """Agents in the order named, and a sentence for each name of none."""

    agents: Sequence[Agent]
    unknown: Mapping[str, str]


def the_agent(name: str) -> Agent:
    """The agent of this name with its run; a Problem if there is none."""
    try:
        return _readable(Agent.every).get(name=name)
    except Agent.DoesNotExist:
        known = Agent.objects.values_list("name", flat=True)
        raise Problem(404, _unknown(name, known)) from None


def peoples(agent: Agent) -> Agent:
    """The same; a Problem if it is a part of the hub."""
    if agent.internal:
        raise Problem(409, f"{agent.name} is a part of the hub itself.")
    return agent


def steerable(agent: Agent) -> Agent:
    """The same; a Problem if it is nobody's, or not the hub's, to start and stop."""
    if peoples(agent).external:
        raise Problem(409, outside.refusal(agent.name))
    return agent


def the_agents(
    names: Sequence[str] | None, labels: Mapping[str, str] | None
) -> NamedAgents:
    """People's agents of these names, else all that have all of these labels, without
    those that the hub does not start."""
    agents = _readable(Agent.objects).order_by("name")
    if names is None:
        wanted = (labels or {}).items()
        return NamedAgents(
            [
                one
                for one in agents
                if not one.external and all(one.labels.get(k) == v for k, v in wanted)
            ],
            {},
        )
    found = {agent.name: agent for agent in agents.filter(name__in=names)}
    missing = [name for name in dict.fromkeys(names) if name not in found]
    known = list(Agent.objects.values_list("name", flat=True)) if missing else []
    return NamedAgents(
        [found[name] for name in dict.fromkeys(names) if name in found],
        {name: _unknown(name, known) for name in missing},
    )


def _readable(agents: Manager[Agent]) -> QuerySet[Agent]:
    return agents.select_related("run").defer(
        "env", "command", "samples", "recent_exits", "run__setup"
    )


def _unknown(name: str, known: Iterable[str]) -> str:
    return f"There is no agent {name!r}. {did_you_mean(name, known)}".rstrip()
