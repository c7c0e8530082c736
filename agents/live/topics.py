"""What a program subscribes to, as it arrives: checked, then plain values.

Pure. What may enter: the words of the socket's messages from programs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from agents.live.subscription import (
    LogPosition,
    Malformed,
    is_number,
    log_position,
    whole_number,
)
from agents.policy import setup

MOST_TOPICS: Final = 200
KEYS: Final = frozenset({"type", "format", "topics", "after", "logs", "steps"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be followed: all agents, some by name, their output, some tasks.

    `after`: the change counter up to which the program knows; None: it knows nothing.
    `positions`: up to where it has the output of an agent; `steps`: the number of the
    last step that it has of a task.
    """

    everyone: bool = False
    agents: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()
    tasks: tuple[int, ...] = ()
    after: int | None = None
    positions: Mapping[str, LogPosition] = field(default_factory=dict)
    steps: Mapping[int, int] = field(default_factory=dict)


def parse_wanted(message: Mapping[str, Any]) -> Wanted:
    """The subscription of a program; raises Malformed in words that help."""
    if unknown := sorted(message.keys() - KEYS):
        raise Malformed(f"there is no field {unknown[0][:40]!r}")
    topics = message.get("topics")
    if not isinstance(topics, list) or not 0 < len(topics) <= MOST_TOPICS:
        raise Malformed(f"topics are a list of 1 to {MOST_TOPICS} names")
    found: dict[str, list[str]] = {"agents": [], "agent": [], "logs": [], "task": []}
    for topic in topics:
        kind, name = _topic(topic)
        if name in found[kind]:
            raise Malformed(f"the topic {topic!r} is there twice")
        found[kind].append(name)
    after = message.get("after")
    return Wanted(
        everyone=bool(found["agents"]),
        agents=tuple(found["agent"]),
        logs=tuple(found["logs"]),
        tasks=tuple(int(name) for name in found["task"]),
        after=None if after is None else whole_number("after", after),
        positions=_positions(message.get("logs", {}), found["logs"]),
        steps=_steps(message.get("steps", {}), found["task"]),
    )


def parse_seq(message: Mapping[str, Any]) -> int:
    """The seq that a program acknowledges."""
    if "seq" not in message:
        raise Malformed("an ack needs the seq of the message it is for")
    return whole_number("seq", message["seq"])


def _topic(topic: object) -> tuple[str, str]:
    kind, _, name = topic.partition(":") if isinstance(topic, str) else ("", "", "")
    if topic == "agents":
        return kind, name
    if kind in {"agent", "logs"} and setup.NAME.fullmatch(name):
        return kind, name
    if kind == "task" and is_number(name):
        return kind, str(int(name))
    raise Malformed(f"there is no topic {str(topic)[:60]!r}")


def _positions(given: object, names: list[str]) -> dict[str, LogPosition]:
    if not isinstance(given, dict) or not given.keys() <= set(names):
        raise Malformed("logs have a position by the name of each followed agent")
    return {name: log_position(position) for name, position in given.items()}


def _steps(given: object, numbers: list[str]) -> dict[int, int]:
    if not isinstance(given, dict) or not given.keys() <= set(numbers):
        raise Malformed("steps have a number by the id of each followed task")
    return {int(one): whole_number("steps", step) for one, step in given.items()}
