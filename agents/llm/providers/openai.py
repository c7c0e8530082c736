"""OpenAI, by the Responses API; nothing is stored there."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from agents.llm.arguments import tool_call
from agents.llm.endpoint import Endpoint
from agents.llm.events import Stop, TextDelta, ThinkingDelta
from agents.llm.failure import Failure, ProviderError, shortened
from agents.llm.messages import (
    Assistant,
    Message,
    Native,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResults,
    User,
)
from agents.llm.provider import BEAT, Answer, Piece
from agents.llm.providers.openai_client import make_client
from agents.llm.request import Request, Tool
from agents.llm.translation import named, said, translated
from agents.llm.usage import Usage, without_cache
from agents.policy.provider_retry import ErrorKind

if TYPE_CHECKING:
    from openai.types.responses import Response, ResponseUsage

# Where a summary of reasoning has several parts, they are paragraphs.
_PARAGRAPH: Final = "\n\n"


class OpenAI:
    """One client of the SDK."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._client = make_client(endpoint)
        # The SDK makes its parts and types at first use, for half a second: here, and
        # not on the event loop.
        _ = self._client.responses, self._client.models
        _warm_up()

    async def attempt(self, request: Request) -> AsyncGenerator[Piece]:
        """See Provider.

        The raw events and not the SDK's `stream()`: that one answers an incomplete or
        failed response with a RuntimeError.
        """
        items: list[dict[str, Any]] = []
        refusal: list[str] = []
        with translated(self._endpoint):
            stream = await self._client.responses.create(**_body(request))
            async with stream:
                async for event in stream:
                    match event.type:
                        case "response.output_text.delta":
                            yield TextDelta(event.delta)
                        case (
                            "response.reasoning_summary_text.delta"
                            | "response.reasoning_text.delta"
                        ):
                            yield ThinkingDelta(event.delta)
                        case "response.reasoning_summary_part.added":
                            begun = event.summary_index > 0
                            yield ThinkingDelta(_PARAGRAPH) if begun else BEAT
                        case "response.refusal.delta":
                            refusal.append(event.delta)
                            yield BEAT
                        case "response.output_item.done":
                            items.append(event.item.to_dict())
                            yield _call(items[-1]) or BEAT
                        case (
                            "response.completed"
                            | "response.incomplete"
                            | "response.failed"
                        ):
                            if event.response.usage is not None:
                                yield _usage(event.response.usage)
                            self._check(event.response, refusal)
                            yield self._answer(request, event.response, items)
                        case "error":
                            failure = said(self._endpoint, event.to_dict())
                            raise ProviderError(failure)
                        case _:
                            yield BEAT

    async def models(self) -> tuple[str, ...]:
        """See Provider."""
        with translated(self._endpoint):
            return named(await self._client.models.list())

    async def aclose(self) -> None:
        """See Provider."""
        await self._client.close()

    def _check(self, response: Response, refusal: list[str]) -> None:
        """Raise what the terminal event says went wrong, if something did."""
        if response.status == "failed" or response.error is not None:
            error = response.error.to_dict() if response.error is not None else {}
            raise ProviderError(said(self._endpoint, error))
        details = response.incomplete_details
        filtered = details is not None and details.reason == "content_filter"
        if refusal or filtered:
            why = shortened("".join(refusal))
            code = "content_filter" if filtered else "refusal"
            raise ProviderError(Failure(ErrorKind.REFUSAL, why, code=code))

    def _answer(
        self, request: Request, response: Response, items: list[dict[str, Any]]
    ) -> Answer:
        parts = tuple(part for item in items for part in _parts(item))
        native = Native(self._endpoint.kind, request.model, tuple(items))
        if response.status == "incomplete":
            stop = Stop.MAX_TOKENS
        elif any(isinstance(part, ToolCall) for part in parts):
            stop = Stop.TOOL_USE
        else:
            stop = Stop.END
        return Answer(stop, Assistant(parts, native))


@cache
def _warm_up() -> None:
    """Once through the SDK's types, with an answer that comes from nowhere."""
    import httpx2
    import openai

    event = {"type": "response.output_text.delta", "delta": ""}
    sent = httpx2.Response(200, text=f"data: {json.dumps(event)}\n\n")
    nowhere = httpx2.MockTransport(lambda request: sent)
    client = openai.OpenAI(
        api_key="none",
        base_url="http://nowhere.invalid",
        http_client=httpx2.Client(transport=nowhere),
    )
    tools = (Tool("none", "", {"type": "object"}),)
    body = _body(Request("none", (User("none"),), tools=tools))
    with client, client.responses.create(**body) as events:
        for _ in events:
            pass


def _call(item: dict[str, Any]) -> ToolCall | None:
    if item["type"] != "function_call":
        return None
    return tool_call(item["call_id"], item["name"], item["arguments"])


def _parts(item: dict[str, Any]) -> Iterator[Part]:
    match item["type"]:
        case "message":
            for content in item.get("content") or ():
                if content["type"] == "output_text":
                    yield Text(content["text"])
        case "reasoning":
            shown = item.get("content") or item.get("summary") or ()
            if text := _PARAGRAPH.join(piece["text"] for piece in shown):
                yield Thinking(text)
        case "function_call":
            yield tool_call(item["call_id"], item["name"], item["arguments"])


def _usage(usage: ResponseUsage) -> Usage:
    native: dict[str, Any] = usage.to_dict()
    read = native.get("input_tokens_details") or {}
    made = native.get("output_tokens_details") or {}
    return without_cache(
        usage.input_tokens,
        read.get("cached_tokens") or 0,
        read.get("cache_write_tokens") or 0,
        usage.output_tokens,
        made.get("reasoning_tokens") or 0,
        native,
    )


def _body(request: Request) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": request.model,
        "input": [
            item for message in request.messages for item in _items(message, request)
        ],
        # What it reasoned comes back encrypted instead, and is sent along again.
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "stream": True,
    }
    if request.system:
        body["instructions"] = request.system
    if request.tools:
        body["tools"] = [
            {"type": "function", **tool.as_function, "strict": False}
            for tool in request.tools
        ]
    if request.max_output:
        body["max_output_tokens"] = request.max_output
    reasoning: dict[str, Any] = {}
    if request.effort or request.thinking is False:
        reasoning["effort"] = request.effort or "none"
    if request.thinking:
        reasoning["summary"] = "auto"
    if reasoning:
        body["reasoning"] = reasoning
    return body | {"extra_body": dict(request.extra)}


def _items(message: Message, request: Request) -> Iterator[Any]:
    match message:
        case User(text):
            yield {"role": "user", "content": text}
        case ToolResults(results):
            for result in results:
                yield {
                    "type": "function_call_output",
                    "call_id": result.call_id,
                    "output": result.marked,
                }
        case Assistant():
            blocks = message.blocks_for("openai", request.model)
            if blocks is not None:
                yield from blocks
                return
            if message.text:
                yield {"role": "assistant", "content": message.text}
            for call in message.calls:
                yield {
                    "type": "function_call",
                    "call_id": call.id,
                    "name": call.name,
                    "arguments": call.raw,
                }
