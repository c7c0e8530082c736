"""Tools and thinking, and what of an answer must be sent back as it came."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from agents.llm.endpoint import Kind
from agents.llm.events import Stop
from agents.llm.messages import (
    Assistant,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolResults,
    User,
)
from agents.policy.provider_retry import ErrorKind
from tests.harness.llm.answers import PLAIN, Answer, Call, Say, Think
from tests.llm.vendors import (
    ASKED,
    VENDORS,
    WEATHER,
    Heard,
    Vendor,
    ask,
    conversation,
    every_vendor,
    hear,
    without,
)

PARIS, ROME = Call("weather", '{"place": "Paris"}'), Call("weather", "{}", "call_2")
USES_TOOLS = Answer((Think("Let me look."), Say(("Looking.",)), PARIS, ROME))


@every_vendor
def test_tool_calls_come_complete_and_parsed(vendor: Vendor) -> None:
    heard = ask(vendor, USES_TOOLS)
    assert [(c.name, c.arguments, c.error) for c in heard.calls] == [
        ("weather", {"place": "Paris"}, None),
        ("weather", {}, None),
    ]
    assert len({call.id for call in heard.calls}) == 2
    assert heard.end.stop is Stop.TOOL_USE
    assert heard.end.message is not None
    assert list(heard.end.message.calls) == heard.calls


@every_vendor
def test_thinking_is_told_apart_from_text(vendor: Vendor) -> None:
    heard = ask(vendor, USES_TOOLS)
    assert (heard.thought, heard.shown) == ("Let me look.", "Looking.")
    assert heard.end.message is not None
    assert heard.end.message.parts[:2] == (Thinking("Let me look."), Text("Looking."))


SENT_BACK: Mapping[Kind, list[dict[str, Any]]] = {
    Kind.ANTHROPIC: [
        {
            "role": "assistant",
            "content": [
                {
                    "type": "thinking",
                    "thinking": "Let me look.",
                    "signature": "c2VhbA==",
                },
                {"type": "text", "text": "Looking."},
                {
                    "type": "tool_use",
                    "id": "call_1",
                    "name": "weather",
                    "input": {"place": "Paris"},
                },
                {"type": "tool_use", "id": "call_2", "name": "weather", "input": {}},
            ],
        }
    ],
    Kind.OPENAI: [
        {
            "id": "rs_1",
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "Let me look."}],
            "encrypted_content": "c2VhbA==",
            "vendor_extra": {"a": 1},
        },
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Looking.", "annotations": []}],
        },
        {
            "id": "fc_call_1",
            "type": "function_call",
            "status": "completed",
            "call_id": "call_1",
            "name": "weather",
            "arguments": '{"place": "Paris"}',
        },
        {
            "id": "fc_call_2",
            "type": "function_call",
            "status": "completed",
            "call_id": "call_2",
            "name": "weather",
            "arguments": "{}",
        },
    ],
    Kind.DEEPSEEK: [
        {
            "role": "assistant",
            "content": "Looking.",
            "reasoning_content": "Let me look.",
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"place": "Paris"}'},
                },
                {
                    "id": "call_2",
                    "type": "function",
                    "function": {"name": "weather", "arguments": "{}"},
                },
            ],
        }
    ],
    Kind.COMPATIBLE: [
        {
            "role": "assistant",
            "content": "Looking.",
            "reasoning": "Let me look.",
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"place": "Paris"}'},
                    "extra_content": {"seal": "call_1"},
                },
                {
                    "id": "call_2",
                    "type": "function",
                    "function": {"name": "weather", "arguments": "{}"},
                    "extra_content": {"seal": "call_2"},
                },
            ],
        }
    ],
    Kind.OLLAMA: [
        {
            "role": "assistant",
            "content": "Looking.",
            "thinking": "Let me look.",
            "tool_calls": [
                {"function": {"name": "weather", "arguments": {"place": "Paris"}}},
                {"function": {"name": "weather", "arguments": {}}},
            ],
        }
    ],
}


@every_vendor
def test_the_providers_own_blocks_are_sent_back_as_they_came(vendor: Vendor) -> None:
    async def two_turns() -> tuple[Heard, Any]:
        async with conversation(vendor, USES_TOOLS, PLAIN) as (provider, standin):
            first = await hear(provider)
            answer = first.end.message
            assert answer is not None
            results = ToolResults(
                tuple(
                    ToolResult(call.id, call.name, "sunny", is_error=bool(at))
                    for at, call in enumerate(answer.calls)
                )
            )
            messages = (*ASKED.messages, answer, results)
            second = await hear(provider, replace(ASKED, messages=messages))
            return second, standin.requests[-1].body

    heard, body = asyncio.run(two_turns())
    assert heard.end.stop is Stop.END, heard.end.failure
    sent = body["input"] if vendor.kind is Kind.OPENAI else body["messages"]
    kept = SENT_BACK[vendor.kind]
    start = next(at for at, message in enumerate(sent) if message == kept[0])
    assert sent[start : start + len(kept)] == kept
    assert "sunny" in str(sent[start + len(kept) :])


@every_vendor
def test_another_models_answer_is_sent_without_its_seals(vendor: Vendor) -> None:
    """And is accepted so: the conversation can move from one model to another."""

    async def two_turns() -> tuple[Heard, Any]:
        async with conversation(vendor, USES_TOOLS, PLAIN) as (provider, standin):
            first = await hear(provider)
            answer = first.end.message
            assert answer is not None
            results = tuple(ToolResult(c.id, c.name, "sunny") for c in answer.calls)
            messages = (*ASKED.messages, answer, ToolResults(results))
            moved = replace(ASKED, model="model-2", messages=messages)
            return await hear(provider, moved), standin.requests[-1].body

    heard, body = asyncio.run(two_turns())
    assert heard.end.stop is Stop.END, heard.end.failure
    for seal in ("c2VhbA==", "extra_content", "rs_1"):
        assert seal not in str(body)
    assert "Looking." in str(body) and "Paris" in str(body)


@without(Kind.OLLAMA)
@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ('{"place": "Par', "not JSON"),
        ('["Paris"]', "object is expected, not list"),
        ('{"place": NaN}', "NaN is no number"),
        ('{"place": "\\ud800"}', "half a surrogate pair"),
        ("[" * 100_000, "nested too deeply"),
    ],
    ids=["broken", "a list", "NaN", "half a surrogate", "bottomless"],
)
def test_invalid_tool_arguments_are_told_and_end_nothing(
    vendor: Vendor, raw: str, why: str
) -> None:
    async def two_turns() -> tuple[Heard, Heard]:
        answer = Answer((Call("weather", raw),))
        async with conversation(vendor, answer, PLAIN) as (provider, _):
            first = await hear(provider)
            message = first.end.message
            assert message is not None
            results = ToolResults(
                tuple(ToolResult(c.id, c.name, "no", True) for c in message.calls)
            )
            messages = (*ASKED.messages, message, results)
            return first, await hear(provider, replace(ASKED, messages=messages))

    heard, second = asyncio.run(two_turns())
    (call,) = heard.calls
    assert call.arguments is None and call.raw == raw
    assert call.error is not None and call.error.kind is ErrorKind.INVALID_ARGUMENTS
    assert why in call.error.text
    assert heard.end.stop is Stop.TOOL_USE
    assert second.end.stop is Stop.END, second.end.failure


def test_arguments_that_the_server_cannot_parse_are_asked_for_again() -> None:
    """Ollama parses them itself, and breaks off."""
    ollama = VENDORS[-1]
    heard = ask(ollama, Answer((Say(("I will. ",)), Call("weather", "{"))), PLAIN)
    assert [r.failure.kind for r in heard.retries] == [ErrorKind.INVALID_ARGUMENTS]
    assert heard.shown == "Hello, world." and heard.end.stop is Stop.END


def test_ids_of_other_providers_are_made_to_suit_anthropic() -> None:
    call = ToolCall("functions.weather:0", "weather", "{}", {})
    result = ToolResult(call.id, call.name, "sunny")
    messages = (*ASKED.messages, Assistant((call,)), ToolResults((result,)))
    heard = ask(VENDORS[0], request=replace(ASKED, messages=messages))
    assert heard.end.stop is Stop.END, heard.end.failure
    sent = heard.requests[0].body["messages"]
    assert sent[1]["content"][0]["id"] == "functions_weather_0"
    assert sent[2]["content"][0]["tool_use_id"] == "functions_weather_0"


def test_an_empty_answer_is_not_sent_back_to_anthropic() -> None:
    """It gives such answers, and refuses to read one."""

    async def two_turns() -> Heard:
        async with conversation(VENDORS[0], Answer(())) as (provider, _):
            first = await hear(provider)
            assert first.end.message is not None and not first.end.message.parts
            messages = (*ASKED.messages, first.end.message, User("Well?"))
            return await hear(provider, replace(ASKED, messages=messages))

    assert asyncio.run(two_turns()).end.stop is Stop.END


# What is asked for


def test_each_provider_is_told_of_effort_thinking_and_limits_in_its_own_words() -> None:
    asked = replace(
        ASKED, max_output=99, effort="low", thinking=True, context=4096, extra={"x": 1}
    )
    bodies = {v.kind: ask(v, request=asked).requests[0].body for v in VENDORS}
    anthropic, openai = bodies[Kind.ANTHROPIC], bodies[Kind.OPENAI]
    assert anthropic["max_tokens"] == 99 and anthropic["thinking"] == {
        "type": "adaptive"
    }
    assert anthropic["output_config"] == {"effort": "low"}
    assert openai["max_output_tokens"] == 99
    assert openai["reasoning"] == {"effort": "low", "summary": "auto"}
    for kind in (Kind.DEEPSEEK, Kind.COMPATIBLE):
        assert bodies[kind]["max_tokens"] == 99
        assert bodies[kind]["reasoning_effort"] == "low"
    assert bodies[Kind.DEEPSEEK]["thinking"] == {"type": "enabled"}
    assert "thinking" not in bodies[Kind.COMPATIBLE]
    assert bodies[Kind.OLLAMA]["options"] == {"num_predict": 99, "num_ctx": 4096}
    assert bodies[Kind.OLLAMA]["think"] == "low"
    assert all(body["x"] == 1 for body in bodies.values())


def test_thinking_can_be_switched_off_where_it_can_be_switched() -> None:
    asked = replace(ASKED, thinking=False)
    bodies = {v.kind: ask(v, request=asked).requests[0].body for v in VENDORS}
    assert bodies[Kind.ANTHROPIC]["thinking"] == {"type": "disabled"}
    assert bodies[Kind.OPENAI]["reasoning"] == {"effort": "none"}
    assert bodies[Kind.DEEPSEEK]["thinking"] == {"type": "disabled"}
    assert bodies[Kind.OLLAMA]["think"] is False


@every_vendor
def test_tools_and_system_prompt_reach_the_provider(vendor: Vendor) -> None:
    body = ask(vendor).requests[0].body
    (tool,) = body["tools"]
    described = tool.get("function", tool)
    schema = described.get("parameters", described.get("input_schema"))
    assert (described["name"], schema) == (WEATHER.name, WEATHER.schema)
    assert "Be brief." in str(body)
