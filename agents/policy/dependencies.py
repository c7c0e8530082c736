"""What agents need of each other: how it is written, and the graph it makes.

Pure: the standard library only. A graph maps each agent's name to those it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from agents.policy.hints import did_you_mean

Graph = Mapping[str, Collection[str]]

MOST: Final = 100


class Condition(StrEnum):
    """What has to be so of the other agent before this one is started."""

    STARTED = "started"
    HEALTHY = "healthy"
    COMPLETED = "completed"


@dataclass(frozen=True, slots=True)
class Dependency:
    """One agent that has to be so before another is started."""

    agent: str
    condition: Condition


def problem(value: object, own_name: str = "") -> str | None:
    """Why this cannot be what an agent depends on; None when it can.

    Whether there are such agents, and whether they make a circle, is not judged.
    """
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        return (
            "Dependencies are a list of agents with conditions: "
            '[{"agent": "database", "condition": "healthy"}].'
        )
    if len(value) > MOST:
        return f"An agent depends on at most {MOST} others."
    names: set[str] = set()
    for one in value:
        if found := _one_problem(one):
            return found
        name = one["agent"]
        if own_name and name.lower() == own_name.lower():
            return f"{name}: an agent cannot depend on itself."
        if name.lower() in names:
            return f"{name} is named twice. Name it once, with one condition."
        names.add(name.lower())
    return None


def _one_problem(one: Mapping[Any, Any]) -> str | None:
    if strange := [key for key in one if key not in ("agent", "condition")]:
        return (
            f"{str(strange[0])[:60]!r} is not known here: "
            "a dependency has an agent and a condition."
        )
    name = one.get("agent")
    if not isinstance(name, str) or not name:
        return 'Name the agent: {"agent": "database"}.'
    if not name.isprintable():
        return f"{name[:60]!r} is no agent's name."
    condition = one.get("condition", Condition.STARTED)
    known = [one.value for one in Condition]
    if condition not in known:
        shown = str(condition)[:60]
        text = f"{name}: {shown!r} is not one of {', '.join(known)}."
        return f"{text} {did_you_mean(shown, known)}".rstrip()
    return None


def read(value: Iterable[Mapping[str, str]]) -> tuple[Dependency, ...]:
    """What a valid value says."""
    return tuple(
        Dependency(one["agent"], Condition(one.get("condition", Condition.STARTED)))
        for one in value
    )


def as_data(dependencies: Iterable[Dependency]) -> list[dict[str, str]]:
    """The same as it is stored, with every condition written out."""
    return [
        {"agent": one.agent, "condition": one.condition.value} for one in dependencies
    ]


def unknown_problem(needed: Iterable[str], known: Collection[str]) -> str | None:
    """Why not all of these can be depended on: one of them does not exist."""
    for name in needed:
        if name not in known:
            text = f"There is no agent {name[:63]!r}."
            return f"{text} {did_you_mean(name, known)}".rstrip()
    return None


def cycle(graph: Graph, start: str) -> tuple[str, ...]:
    """The way from `start` back to itself; empty where there is none."""
    way: list[str] = [start]
    open_ends = [iter(graph.get(start, ()))]
    seen: set[str] = set()
    while open_ends:
        following = next(open_ends[-1], None)
        if following is None:
            open_ends.pop()
            way.pop()
        elif following == start:
            return (*way, start)
        elif following not in seen:
            seen.add(following)
            way.append(following)
            open_ends.append(iter(graph.get(following, ())))
    return ()


def cycle_problem(graph: Graph, start: str) -> str | None:
    """The circle that `start` is in, in words; None outside of any."""
    if way := cycle(graph, start):
        return f"These agents would wait for each other: {' -> '.join(way)}."
    return None


def reachable(graph: Graph, start: str) -> frozenset[str]:
    """All that `start` needs, however indirectly."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for name in graph.get(waiting.pop(), ()):
            if name not in found:
                found.add(name)
                waiting.append(name)
    return frozenset(found)


def in_order(graph: Graph, names: Iterable[str]) -> list[str]:
    """These names, each after those of them that it needs, else as they came.

    What is in a circle comes in any order.
    """
    wanted = list(dict.fromkeys(names))
    order: dict[str, None] = {}
    seen: set[str] = set()
    for first in wanted:
        open_ends = [(first, iter(graph.get(first, ())))] if first not in seen else []
        seen.add(first)
        while open_ends:
            name, needed = open_ends[-1]
            following = next((one for one in needed if one not in seen), None)
            if following is None:
                order[name] = None
                open_ends.pop()
            else:
                seen.add(following)
                open_ends.append((following, iter(graph.get(following, ()))))
    chosen = set(wanted)
    return [name for name in order if name in chosen]


def turned(graph: Graph) -> dict[str, list[str]]:
    """The graph the other way: who needs each name."""
    found: dict[str, list[str]] = {}
    for name, needed in graph.items():
        for other in needed:
            found.setdefault(other, []).append(name)
    return found


def heaviest_way(graph: Graph, weight: Callable[[str], float]) -> float:
    """The largest sum of weights along any way through the graph."""
    sums: dict[str, float] = {}
    for name in in_order(graph, graph):
        below = max((sums.get(one, 0.0) for one in graph[name]), default=0.0)
        sums[name] = below + weight(name)
    return max(sums.values(), default=0.0)


def listed(words: Sequence[str], most: int = 5) -> str:
    """`a`, `a and b`, `a, b and c`, `a, b, c, d, e and 7 more`."""
    shown = list(words[:most])
    if len(words) > most:
        shown.append(f"{len(words) - most} more")
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"
