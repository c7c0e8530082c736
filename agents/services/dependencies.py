"""Which agents need which: read from the rows, judged before a set-up is stored."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from agents.models import Agent
from agents.models.choices import Kind
from agents.policy import dependencies
from agents.policy.dependencies import Condition
from agents.policy.ordering import Other
from agents.policy.states import Desired, Status
from agents.services import outside


class Seen(NamedTuple):
    """The columns of an agent that orders and wishes are made from: a tenth of a
    row's cost where five hundred are asked at once."""

    pk: int
    name: str
    node: str
    desired_state: str
    generation: int
    observed_generation: int
    status: str
    status_reason: str
    status_source: str
    depends_on: Sequence[dict[str, str]] = ()


def graph() -> dict[str, tuple[str, ...]]:
    """Every agent that depends on others, with their names."""
    rows = Agent.objects.exclude(depends_on=[]).values_list("name", "depends_on")
    return {name: needed(depends_on) for name, depends_on in rows}


def needed(depends_on: Iterable[Mapping[str, str]]) -> tuple[str, ...]:
    """The names in a stored value."""
    return tuple(one["agent"] for one in depends_on)


def problem(name: str, depends_on: Sequence[Mapping[str, str]]) -> str | None:
    """Why an agent cannot depend on these, each of which is well written.

    Best in the transaction that stores it.
    """
    names = needed(depends_on)
    if not names:
        return None
    there = Agent.objects.filter(name__in=names).values_list("name", flat=True)
    if len(there) < len(names):
        known = Agent.objects.exclude(name=name).values_list("name", flat=True)
        return dependencies.unknown_problem(names, set(known))
    if foreign := not_startable(names):
        return outside.unneeded(foreign)
    return dependencies.cycle_problem({**graph(), name: names}, name)


def not_startable(names: Collection[str]) -> str:
    """Those of them that were started elsewhere, listed; empty if there is none."""
    foreign = Agent.objects.filter(name__in=names, kind=Kind.EXTERNAL)
    found = foreign.order_by("name").values_list("name", flat=True)
    return dependencies.listed(list(found))


def dependents(name: str) -> list[str]:
    """The names of the agents that depend on this one."""
    return [other for other, _ in needing(name)]


def needing(name: str) -> list[tuple[str, str]]:
    """The agents that depend on this one, by name, and how it has to be for them."""
    rows = Agent.objects.exclude(depends_on=[]).values_list("name", "depends_on")
    return sorted(
        (other, one.condition.value)
        for other, depends_on in rows
        for one in dependencies.read(depends_on)
        if one.agent == name
    )


def dependents_first(agents: Sequence[Agent]) -> list[Agent]:
    """Each agent before those of them that it depends on."""
    by_name = {agent.name: agent for agent in agents}
    order = dependencies.in_order(graph(), by_name)
    return [by_name[name] for name in reversed(order)]


def dependencies_first(agents: Sequence[Agent]) -> list[Agent]:
    """Each agent after those of them that its set-up, stored or not, names."""
    by_name = {agent.name: agent for agent in agents}
    edges = graph() | {name: needed(a.depends_on) for name, a in by_name.items()}
    return [by_name[name] for name in dependencies.in_order(edges, by_name)]


def other(agent: Agent | Seen) -> Other:
    """A row, as somebody sees it who depends on the agent."""
    return Other(
        name=agent.name,
        desired=Desired(agent.desired_state),
        settled=agent.generation == agent.observed_generation,
        proved=True,
        healthy=True,
        status=Status(agent.status),
        reason=agent.status_reason,
        source=agent.status_source,
    )


def below(agent_ids: Collection[int]) -> frozenset[str]:
    """The names of all that these agents depend on, however indirectly.

    One query, which finds nothing where nothing depends on anything.
    """
    rows = Agent.objects.exclude(depends_on=[]).values_list("pk", "name", "depends_on")
    found = {name: (pk, needed(depends_on)) for pk, name, depends_on in rows}
    edges = {name: names for name, (_, names) in found.items()}
    return frozenset().union(
        *(
            dependencies.reachable(edges, name)
            for name, (pk, _) in found.items()
            if pk in agent_ids
        )
    )


def to_start_too(roots: Iterable[Seen], others: Mapping[str, Seen]) -> dict[int, str]:
    """Who has to be asked to start besides `roots`, by id, and for which of them.

    `others`: all that they depend on, by name.
    """
    asked = {agent.name for agent in roots}
    needed_by: dict[str, list[str]] = {}
    for root in roots:
        waiting = list(dependencies.read(root.depends_on))
        seen = set(waiting)
        while waiting:
            one = waiting.pop()
            agent = others.get(one.agent)
            if agent is None:
                continue
            seen_so = other(agent)
            if one.condition is Condition.COMPLETED and seen_so.completed:
                continue  # And what it needed itself has served.
            if not seen_so.on_its_way and agent.name not in asked:
                needed_by.setdefault(agent.name, []).append(root.name)
            below = set(dependencies.read(agent.depends_on)) - seen
            seen |= below
            waiting += below
    return {
        others[name].pk: f"needed by {dependencies.listed(list(dict.fromkeys(names)))}"
        for name, names in needed_by.items()
    }
