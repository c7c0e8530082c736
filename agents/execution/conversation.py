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


UNDONE: Final = "Nothing is known of this call: the task ended before it had a result."


@dataclass(frozen=True, slots=True)
class Pending:
    """The calls of the latest answer that have no result yet, in order.

    `begun`: the first of them had begun when the hub ended.
    """

    calls: tuple[ToolCall, ...]
    begun: bool


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
    """The conversation as it is sent; notes are for people only.

    A task that ended in the middle may have left calls without a result. No provider
    takes them without one, so each gets one before anything else is said.
    """
    sent: list[Message] = []
    for step in steps:
        match step.kind:
            case "user":
                _close(sent)
                sent.append(User(step.data["text"]))
            case "answer":
                _close(sent)
                sent.append(assistant(step.data))
            case "result":
                _add(sent, _result(step.data))
    return tuple(sent)


def _add(sent: list[Message], *results: ToolResult) -> None:
    """What came of calls of one answer is one message."""
    before: tuple[ToolResult, ...] = ()
    if sent and isinstance(last := sent[-1], ToolResults):
        before = last.results
        sent.pop()
    sent.append(ToolResults((*before, *results)))


def _close(sent: list[Message]) -> None:
    """Answer the calls that are still open; they are answered in their order."""
    told = 0
    last = sent[-1] if sent else None
    if isinstance(last, ToolResults):
        told, last = len(last.results), sent[-2] if len(sent) > 1 else None
    if isinstance(last, Assistant) and (left := last.calls[told:]):
        _add(sent, *(ToolResult(c.id, c.name, UNDONE, is_error=True) for c in left))


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


def _result(data: Mapping[str, Any]) -> ToolResult:
    return ToolResult(data["call"], data["name"], data["text"], data["error"])


def pending(steps: Sequence[StepData]) -> Pending:
    """What the latest answer wants done and nobody has done.

    Counted, as they are done in order: a model may give two calls the same id. What an
    earlier task has left undone is not done for the next one.
    """
    calls: tuple[ToolCall, ...] = ()
    begun = False
    for step in steps:
        match step.kind:
            case "user":
                calls, begun = (), False
            case "answer":
                calls, begun = assistant(step.data).calls, False
            case "call":
                begun = True
            case "result":
                calls, begun = calls[1:], False
    return Pending(calls, begun and bool(calls))


def interrupted(call: ToolCall) -> StepData:
    """What the model is told of a call that a hub's end cut off."""
    return result(call.id, call.name, INTERRUPTED, error=True, interrupted=True)
