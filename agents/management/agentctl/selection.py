"""Which agents a command line means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Manager, QuerySet

from agents.models import Agent
from agents.policy.hints import did_you_mean
from agents.services import outside


@dataclass(frozen=True, slots=True)
class Chosen:
    """The agents that there are, in the order named, and the names of no agent."""

    agents: tuple[Agent, ...]
    unknown: Mapping[str, str]


def readable_agents() -> QuerySet[Agent]:
    """All agents with their runs, without the columns that nobody prints."""
    return readable(Agent.objects)


def readable(agents: Manager[Agent]) -> QuerySet[Agent]:
    """These with their runs, likewise."""
    return agents.select_related("run").defer(
        "env", "command", "samples", "recent_exits", "run__setup"
    )


def by_name(names: Sequence[str]) -> Chosen:
    """The agents of these names, the hub's own included, to be looked at.

    For each name of no agent there is a sentence about it.
    """
    return _by_name(names, readable(Agent.every))


def _by_name(names: Sequence[str], agents: QuerySet[Agent]) -> Chosen:
    wanted = list(dict.fromkeys(names))
    found = {agent.name: agent for agent in agents.filter(name__in=wanted)}
    missing = [name for name in wanted if name not in found]
    known = Agent.objects.values_list("name", flat=True) if missing else ()
    return Chosen(
        tuple(found[name] for name in wanted if name in found),
        {name: _unknown(name, known) for name in missing},
    )


def for_action(options: Mapping[str, Any]) -> Chosen:
    """By name, or all, or all that carry every label given."""
    if options["names"]:
        return _startable(_by_name(options["names"], readable_agents()))
    labels = dict(options["label"] or ())
    return Chosen(
        tuple(
            agent
            for agent in readable_agents()
            if not agent.external
            and all(agent.labels.get(key) == value for key, value in labels.items())
        ),
        {},
    )


def _startable(chosen: Chosen) -> Chosen:
    """Of who was started elsewhere there is a sentence too."""
    ours = tuple(agent for agent in chosen.agents if not agent.external)
    foreign = {a.name: outside.refusal(a.name) for a in chosen.agents if a.external}
    return Chosen(ours, {**chosen.unknown, **foreign})


def _unknown(name: str, known: Iterable[str]) -> str:
    return f"There is no agent {name!r}. {did_you_mean(name, known)}".rstrip()
