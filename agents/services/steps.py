"""The steps of tasks as plain data: what is stored of a conversation, and read back.

user    {"text"}                                   what a person or the hub said
answer  {"text", "thinking", "calls", "native", "stop"}    one answer of a model
call    {"call", "name", "arguments"}              written before the tool begins
result  {"call", "name", "text", "error", "interrupted", "files"}
note    {"text", "tone"}                           what the hub did, for people
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agents.models import Step


@dataclass(frozen=True, slots=True)
class StepData:
    """One step, stored (`number` and `at` are set) or to be stored."""

    kind: str
    data: Mapping[str, Any]
    number: int = 0
    attempt: int = 1
    at: datetime | None = None


def user(text: str) -> StepData:
    """What is asked."""
    return StepData("user", {"text": text})


def call(call_id: str, name: str, arguments: Mapping[str, Any]) -> StepData:
    """A tool is about to begin."""
    return StepData(
        "call", {"call": call_id, "name": name, "arguments": dict(arguments)}
    )


def result(
    call_id: str,
    name: str,
    text: str,
    *,
    error: bool = False,
    interrupted: bool = False,
    files: Iterable[str] = (),
) -> StepData:
    """What came of a call. `files`: those it has written, below the workspace."""
    return StepData(
        "result",
        {
            "call": call_id,
            "name": name,
            "text": text,
            "error": error,
            "interrupted": interrupted,
            "files": list(files),
        },
    )


def note(text: str, tone: str = "info") -> StepData:
    """What the hub did, to be read by people and by no model. `tone`: info, warning."""
    return StepData("note", {"text": text, "tone": tone})


def storable(value: Any) -> Any:
    """The value with what no database keeps replaced in its texts: NUL, and halves of
    characters, which are in the names and contents of files."""
    match value:
        case str():
            if "\0" in value:
                value = value.replace("\0", "\ufffd")
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case Mapping():
            return {storable(key): storable(one) for key, one in value.items()}
        case list() | tuple():
            return [storable(one) for one in value]
    return value


def of_task(task_id: int, after: int = 0) -> list[StepData]:
    """A task's steps beyond a number, in order."""
    rows = Step.objects.filter(task=task_id, number__gt=after).order_by("number")
    return [as_data(row) for row in rows]


def of_conversation(conversation: Any, up_to_task: int) -> list[StepData]:
    """All steps of a task and of those it follows, in order."""
    rows = Step.objects.filter(
        task__conversation=conversation, task_id__lte=up_to_task
    ).order_by("task_id", "number")
    return [as_data(row) for row in rows]


def as_data(row: Step) -> StepData:
    """A row as plain data."""
    return StepData(row.kind, row.data, row.number, row.attempt, row.at)
