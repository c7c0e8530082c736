"""From stored steps to what a model is sent, and from its answers to steps.

An answer is stored with the provider's own blocks, so that a later hub sends back
exactly what the model wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agents.llm.events import Stop
from agents.llm.failure import Failure
from agents.llm.messages import (
    Assistant,
    Message,
    Native,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolResults,
    User,
)
from agents.policy.provider_retry import ErrorKind
from agents.services.steps import StepData, result

INTERRUPTED: Final = (
    "Interrupted: the hub ended while this call ran. It may have had its effect or "
    "not, wholly or in part. Look before you do it again."
)


@dataclass(frozen=True, slots=True)
class Pending:
    """The calls of the latest answer that have no result yet, in order.

    `begun`: those of them that had begun when the hub ended.
    """

    calls: tuple[ToolCall, ...]
    begun: frozenset[str]


def answer(message: Assistant, stop: Stop) -> StepData:
    """One answer of a model as a step."""
    native = message.native
    return StepData(
        "answer",
        {
            "text": message.text,
            "thinking": message.thinking,
            "calls": [_call_data(call) for call in message.calls],
            "native": None
            if native is None
            else {
                "provider": native.provider,
                "model": native.model,
                "blocks": list(native.blocks),
            },
            "stop": stop.value,
        },
    )


def _call_data(call: ToolCall) -> dict[str, Any]:
    return {
        "call": call.id,
        "name": call.name,
        "raw": call.raw,
        "arguments": None if call.arguments is None else dict(call.arguments),
        "error": call.error.text if call.error else "",
    }


def messages(steps: Iterable[StepData]) -> tuple[Message, ...]:
    """The conversation as it is sent; notes are for people only."""
    sent: list[Message] = []
    for step in steps:
        match step.kind:
            case "user":
                sent.append(User(step.data["text"]))
            case "answer":
                sent.append(assistant(step.data))
            case "result":
                found = _result(step.data)
                if sent and isinstance(sent[-1], ToolResults):
                    found = (*sent.pop().results, *found)  # type: ignore[union-attr]
                sent.append(ToolResults(found))
    return tuple(sent)


def assistant(data: Mapping[str, Any]) -> Assistant:
    """A stored answer as the message it was."""
    native = data["native"]
    parts: list[Part] = []
    if data["thinking"]:
        parts.append(Thinking(data["thinking"]))
    if data["text"]:
        parts.append(Text(data["text"]))
    parts += [_call(call) for call in data["calls"]]
    return Assistant(
        tuple(parts),
        None
        if native is None
        else Native(native["provider"], native["model"], tuple(native["blocks"])),
    )


def _call(data: Mapping[str, Any]) -> ToolCall:
    error = None
    if data["arguments"] is None:
        error = Failure(ErrorKind.INVALID_ARGUMENTS, data["error"])
    return ToolCall(data["call"], data["name"], data["raw"], data["arguments"], error)


def _result(data: Mapping[str, Any]) -> tuple[ToolResult, ...]:
    return (ToolResult(data["call"], data["name"], data["text"], data["error"]),)


def pending(steps: Sequence[StepData]) -> Pending:
    """What the latest answer wants done and nobody has done."""
    calls: dict[str, ToolCall] = {}
    begun: set[str] = set()
    for step in steps:
        match step.kind:
            case "answer":
                calls = {one.id: one for one in assistant(step.data).calls}
                begun = set()
            case "call":
                begun.add(step.data["call"])
            case "result":
                calls.pop(step.data["call"], None)
    return Pending(tuple(calls.values()), frozenset(begun & calls.keys()))


def interrupted(call: ToolCall) -> StepData:
    """What the model is told of a call that a hub's end cut off."""
    return result(call.id, call.name, INTERRUPTED, error=True, interrupted=True)
