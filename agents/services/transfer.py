"""Set-ups out of the hub and into it, as data: planned whole, then written whole.

What enters is what a file says (`setup_files.parse`). Nothing is written while
anything is wrong, and agents that the file does not name are left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from django.db import transaction

from agents.models import Agent
from agents.models.setup_fields import LAUNCH_FIELDS, SETUP_FIELDS
from agents.policy import dependencies as rules
from agents.policy.redact import is_secret, masked
from agents.policy.states import ALIVE
from agents.services import (
    dependencies,
    outside,
    providers,
    setup_drafts,
    setup_keys,
    setups,
)

LONGEST_MESSAGE: Final = 400


class Step(StrEnum):
    """What an import does with one agent."""

    CREATE = "create"
    CHANGE = "change"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the file cannot be taken. `agent`: its name, else its place in the list."""

    agent: str
    key: str
    message: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One key's value before and after, secrets masked; None where there is none."""

    key: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Entry:
    """What becomes of one agent. `restart`: it needs one to run the new set-up."""

    name: str
    step: Step
    differences: tuple[Difference, ...]
    warnings: tuple[str, ...]
    restart: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import would do, or why it would not."""

    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...]
    _agents: tuple[Agent, ...] = field(default=(), repr=False)


class Refused(ValueError):
    """A plan with problems cannot be carried out."""


def export(agents: Iterable[Agent]) -> list[dict[str, Any]]:
    """Every key in its order; null stands where a secret value would."""
    return [setup_drafts.exported(agent) for agent in agents]


def make_plan(items: Sequence[Any]) -> Plan:
    """Judge every agent of a file, against the agents that there are."""
    stored = {agent.name.lower(): agent for agent in Agent.objects.all()}
    planner = _Planner(stored)
    for place, item in enumerate(items, start=1):
        planner.add(place, item)
    return planner.plan()


def apply(plan: Plan) -> None:
    """Write a plan, all of it or nothing; best in the transaction that made it.

    Raises Refused, or ValidationError where a set-up has become impossible since.
    """
    if plan.problems:
        raise Refused("the file has problems; nothing was written")
    with transaction.atomic():
        for agent in dependencies.dependencies_first(plan._agents):
            setups.save(agent)


def carry_out(items: Sequence[Any]) -> Plan:
    """Plan and, if nothing is wrong, write: in one transaction."""
    with transaction.atomic():
        plan = make_plan(items)
        if not plan.problems:
            apply(plan)
    return plan


class _Planner:
    def __init__(self, stored: Mapping[str, Agent]) -> None:
        self._stored = stored
        self._defaults = setup_keys.defaults()
        self._providers = frozenset(providers.names())
        self._places: dict[str, int] = {}
        self._entries: list[Entry] = []
        self._agents: list[Agent] = []
        self._problems: list[Problem] = []
        # What agents of the file depend on, whatever else is wrong with them.
        self._needed: dict[str, tuple[str, ...]] = {}

    def plan(self) -> Plan:
        self._judge_dependencies()
        if self._problems:
            return Plan((), tuple(self._problems))
        return Plan(tuple(self._entries), (), tuple(self._agents))

    def add(self, place: int, item: Any) -> None:
        """One item of the list, numbered from 1."""
        if not isinstance(item, dict):
            self._complain(f"#{place}", "", "An agent is a mapping of keys to values.")
            return
        values, problems = setup_keys.read(item)
        name = values.pop("name", "")
        if not name and "name" not in problems:
            problems["name"] = "Give the agent a name."
        who = name or f"#{place}"
        stored = self._stored.get(name.lower()) if name else None
        if name:
            problems |= self._name_problem(place, name, stored)
        warnings = _take_secrets(values, stored.env if stored else {}, problems)
        # Like its name, it never changes: left out, it is what it was.
        kept = {"kind": stored.kind} if stored is not None else {}
        agent = setup_drafts.draft(name, self._defaults | kept | values, stored)
        problems |= setup_drafts.model_problems(agent, problems)
        if "provider" not in problems and agent.provider not in {"", *self._providers}:
            problems["provider"] = providers.unknown(agent.provider)
        if name:
            names = () if "depends_on" in problems else agent.depends_on
            self._needed[name] = dependencies.needed(names)
        for key, message in problems.items():
            self._complain(who, key, message)
        if not problems:
            self._accept(agent, stored, warnings)

    def _complain(self, who: str, key: str, message: str) -> None:
        if len(message) > LONGEST_MESSAGE:
            message = message[:LONGEST_MESSAGE] + "…"
        self._problems.append(Problem(who, key, message))

    def _judge_dependencies(self) -> None:
        """Once all are known: they may name each other, in any order."""
        stored = {
            agent.name: dependencies.needed(agent.depends_on)
            for agent in self._stored.values()
        }
        graph = stored | self._needed
        told: set[str] = set()
        for name, needed in self._needed.items():
            message = rules.unknown_problem(needed, graph)
            if message is None and (foreign := dependencies.not_startable(needed)):
                message = outside.unneeded(foreign)
            if message is None and name not in told:
                told.update(rules.cycle(graph, name))
                message = rules.cycle_problem(graph, name)
            if message is not None:
                self._complain(name, "depends_on", message)

    def _name_problem(
        self, place: int, name: str, stored: Agent | None
    ) -> dict[str, str]:
        earlier = self._places.setdefault(name.lower(), place)
        if earlier != place:
            return {"name": f"#{earlier} and #{place} of the file have the same name."}
        if stored is not None and stored.name != name:
            return {"name": f"An agent {stored.name!r} exists already: write it so."}
        return {}

    def _accept(
        self, agent: Agent, stored: Agent | None, warnings: tuple[str, ...]
    ) -> None:
        before = _as_values(stored) if stored else self._defaults
        differences = tuple(_differences(before, _as_values(agent), new=not stored))
        step = Step.CREATE
        if stored is not None:
            step = Step.CHANGE if differences else Step.UNCHANGED
        alive = stored is not None and stored.status in ALIVE
        changed = {one.key.partition(".")[0] for one in differences}
        restart = alive and not changed.isdisjoint(LAUNCH_FIELDS)
        self._entries.append(Entry(agent.name, step, differences, warnings, restart))
        if step is not Step.UNCHANGED:
            self._agents.append(agent)


def _take_secrets(
    values: dict[str, Any], stored: Mapping[str, str], problems: dict[str, str]
) -> tuple[str, ...]:
    """Put stored secrets where the file has none; say which ones there are not."""
    missing = setup_drafts.take_secrets(values, stored, problems)
    if "env" not in problems:
        given = values.get("env", {})
        left_out = {k: v for k, v in stored.items() if is_secret(k) and k not in given}
        values["env"] = given | left_out
    return tuple(
        f"{name} is a secret that is not in the file: set it before the start"
        for name in missing
    )


def _as_values(agent: Agent) -> dict[str, Any]:
    return {key: getattr(agent, key) for key in SETUP_FIELDS}


def _differences(
    before: Mapping[str, Any], after: Mapping[str, Any], *, new: bool
) -> Iterable[Difference]:
    for key in SETUP_FIELDS:
        if before[key] == after[key]:
            continue
        if key == "env":
            yield from _env_differences(before[key], after[key])
        else:
            yield Difference(key, None if new else before[key], after[key])


def _env_differences(
    before: Mapping[str, str], after: Mapping[str, str]
) -> Iterable[Difference]:
    shown_before, shown_after = masked(before), masked(after)
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name):
            yield Difference(
                f"env.{name}", shown_before.get(name), shown_after.get(name)
            )
