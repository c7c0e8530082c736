"""What a page says it shows, as it arrives: checked, then plain values.

Pure. What may enter: the words of the socket's messages from pages, and what those from
programs (`topics`) have in common with them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

MOST_IDS: Final = 5000
LARGEST: Final = 2**63 - 1
TOPICS: Final = frozenset(
    {"overview", "agents", "registry", "tasks", "batches", "locks", "barriers"}
)


class Malformed(ValueError):
    """A message that nobody should send; it says why."""


@dataclass(frozen=True, slots=True)
class LogPosition:
    """Up to where a page shows a run's output."""

    run: int
    out: int
    err: int


@dataclass(frozen=True, slots=True)
class TaskPosition:
    """Up to where a page shows a task: its steps, and the answer in the making.

    `run`: whose answer it read; `offset` and `thinks`: up to where, and in what.
    """

    id: int
    step: int
    run: int
    offset: int
    thinks: bool


@dataclass(frozen=True, slots=True)
class Subscription:
    """What one page shows.

    `ids`: its rows (agents, registry) or tiles (overview); `task_ids`: its tasks.
    `known`: the newest agent or task when it was rendered. `after`: the change counter
    up to which it is true. `transcript`: where it goes on with that of its task.
    """

    overview: bool = False
    agents: bool = False
    registry: bool = False
    ids: frozenset[int] = frozenset()
    known: int = 0
    agent: str = ""
    logs: LogPosition | None = None
    after: int = 0
    tasks: bool = False
    task_ids: frozenset[int] = frozenset()
    task: int = 0
    transcript: TaskPosition | None = None
    batches: bool = False
    locks: bool = False
    barriers: bool = False
    batch: int = 0


def parse_message(text: str) -> Mapping[str, Any]:
    """The JSON object with a `type` that every message is."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON") from error
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise Malformed("a message is an object with a type")
    return message


def parse_subscription(message: Mapping[str, Any]) -> Subscription:
    """The subscription of a page; topics that are unknown are refused."""
    topics = message.get("topics", [])
    if not isinstance(topics, list) or not all(isinstance(t, str) for t in topics):
        raise Malformed("topics are a list of names")
    agent = ""
    task = batch = 0
    wants_logs = False
    for topic in topics:
        kind, _, name = topic.partition(":")
        if kind in {"agent", "logs"} and name and agent in {"", name}:
            agent = name
            wants_logs = wants_logs or kind == "logs"
        elif kind == "task" and not task and is_number(name):
            task = int(name)
        elif kind == "batch" and not batch and is_number(name):
            batch = int(name)
        elif topic not in TOPICS:
            raise Malformed(f"there is no topic {topic[:80]!r}")
    return Subscription(
        overview="overview" in topics,
        agents="agents" in topics,
        registry="registry" in topics,
        ids=_ids(message, "ids"),
        known=_number(message, "known"),
        agent=agent,
        logs=log_position(message.get("logs")) if wants_logs else None,
        after=_number(message, "after"),
        tasks="tasks" in topics,
        task_ids=_ids(message, "task_ids"),
        task=task,
        batches="batches" in topics,
        locks="locks" in topics,
        barriers="barriers" in topics,
        batch=batch,
        transcript=_transcript(task, message["task"])
        if task and "task" in message
        else None,
    )


def parse_frame(message: Mapping[str, Any]) -> int:
    """The number of the frame that a page says it has."""
    return _number(message, "frame")


def log_position(given: object) -> LogPosition:
    """Up to where somebody has the output of a run."""
    if not isinstance(given, dict):
        raise Malformed("logs need a run and two offsets")
    return LogPosition(
        _number(given, "run"), _number(given, "out"), _number(given, "err")
    )


def _transcript(task: int, given: object) -> TaskPosition:
    thinks = given.get("thinks", False) if isinstance(given, dict) else None
    if not isinstance(given, dict) or not isinstance(thinks, bool):
        raise Malformed("a transcript has a step, a run and a place in its answer")
    step, run, offset = (_number(given, name) for name in ("step", "run", "offset"))
    return TaskPosition(task, step, run, offset, thinks)


def is_number(text: str) -> bool:
    """Whether this is an id as a topic has it."""
    return text.isascii() and text.isdecimal() and 0 < len(text) < len(str(LARGEST))


def _ids(message: Mapping[str, Any], name: str) -> frozenset[int]:
    given = message.get(name, [])
    if not isinstance(given, list) or len(given) > MOST_IDS:
        raise Malformed(f"{name} are a list of at most {MOST_IDS} numbers")
    if not all(type(one) is int and 0 <= one <= LARGEST for one in given):
        raise Malformed("an id is a whole number")
    return frozenset(given)


def _number(given: Mapping[str, Any], name: str) -> int:
    return whole_number(name, given.get(name, 0))


def whole_number(name: str, value: object) -> int:
    """A number that the database can hold."""
    if type(value) is not int or not 0 <= value <= LARGEST:
        raise Malformed(f"{name} is a whole number, 0 or more")
    return value
