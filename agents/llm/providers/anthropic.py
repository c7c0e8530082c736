"""Anthropic, by the Messages API."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from agents.llm import http
from agents.llm.arguments import sendable, tool_call
from agents.llm.endpoint import Endpoint
from agents.llm.events import Stop, TextDelta, ThinkingDelta
from agents.llm.failure import Failure, ProviderError, shortened
from agents.llm.messages import (
    Assistant,
    Native,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolResults,
    User,
)
from agents.llm.provider import BEAT, Answer, Piece
from agents.llm.request import Request
from agents.llm.translation import named, translated
from agents.llm.usage import Usage
from agents.policy.provider_retry import ErrorKind

if TYPE_CHECKING:
    from anthropic.types import RawContentBlockDelta

MAX_OUTPUT: Final = 16_384
_STOPS: Final = {"max_tokens": Stop.MAX_TOKENS, "pause_turn": Stop.PAUSED}


class Anthropic:
    """One client of the SDK."""

    def __init__(self, endpoint: Endpoint) -> None:
        import anthropic

        self._endpoint = endpoint
        self._client = anthropic.AsyncAnthropic(
            api_key=endpoint.key.reveal(),
            base_url=endpoint.base_url,
            max_retries=0,
            timeout=http.timeouts(),
            # Spans would go wherever the environment says, conversations and all.
            open_telemetry=False,
            http_client=anthropic.DefaultAsyncHttpxClient(
                follow_redirects=http.FOLLOW_REDIRECTS
            ),
        )
        # The SDK imports its parts at first use: here, and not on the event loop.
        import anthropic.types.shared.error_details

        _ = self._client.messages, self._client.models

    async def attempt(self, request: Request) -> AsyncGenerator[Piece]:
        """See Provider."""
        blocks: dict[int, _Block] = {}
        usage: dict[str, Any] = {}
        stop: str | None = None
        with translated(self._endpoint):
            stream = await self._client.messages.create(**_body(request))
            async with stream:
                async for event in stream:
                    match event.type:
                        case "message_start":
                            usage = event.message.usage.to_dict()
                            yield _usage(usage)
                        case "content_block_start":
                            block = _Block(event.content_block.to_dict())
                            blocks[event.index] = block
                            yield BEAT
                        case "content_block_delta":
                            yield blocks[event.index].add(event.delta)
                        case "content_block_stop":
                            yield blocks[event.index].complete()
                        case "message_delta":
                            stop = event.delta.stop_reason
                            told = event.usage.to_dict()
                            usage |= {k: v for k, v in told.items() if v is not None}
                            yield _usage(usage)
                            _check(stop, event.delta.stop_details)
                        case "message_stop":
                            native = Native(
                                self._endpoint.kind,
                                request.model,
                                tuple(block.native for block in blocks.values()),
                            )
                            parts = [b.part for b in blocks.values() if b.part]
                            yield Answer(
                                _stop(stop, parts), Assistant(tuple(parts), native)
                            )
                        case _:
                            yield BEAT

    async def models(self) -> tuple[str, ...]:
        """See Provider. A page has a thousand at most, and there are fewer."""
        with translated(self._endpoint):
            return named(await self._client.models.list(limit=1000))

    async def aclose(self) -> None:
        """See Provider."""
        await self._client.close()


class _Block:
    """A content block on its way: what it is so far, verbatim, and as a part of ours.

    Pieces are collected and joined at the end: a long answer has many thousand.
    """

    def __init__(self, started: dict[str, Any]) -> None:
        self.native = started
        self.part: Part | None = None
        self._pieces: list[str] = []

    def add(self, delta: RawContentBlockDelta) -> Piece:
        match delta.type:
            case "text_delta":
                self._pieces.append(delta.text)
                return TextDelta(delta.text)
            case "thinking_delta":
                self._pieces.append(delta.thinking)
                return ThinkingDelta(delta.thinking)
            case "input_json_delta":
                self._pieces.append(delta.partial_json)
            case "signature_delta":
                self.native["signature"] = delta.signature
            case "citations_delta":
                cited = self.native.get("citations") or []
                self.native["citations"] = [*cited, delta.citation.to_dict()]
        return BEAT

    def complete(self) -> Piece:
        whole, native = "".join(self._pieces), self.native
        match native["type"]:
            case "text":
                native["text"] += whole
                self.part = Text(native["text"])
            case "thinking":
                native["thinking"] += whole
                self.part = Thinking(native["thinking"])
            case "tool_use" | "server_tool_use":
                call = tool_call(native["id"], native["name"], whole)
                native["input"] = sendable(call)
                if native["type"] == "tool_use":
                    self.part = call
                    return call
        return BEAT


def _check(stop: str | None, details: Any) -> None:
    if stop == "refusal":
        why = shortened(getattr(details, "explanation", None) or "")
        raise ProviderError(Failure(ErrorKind.REFUSAL, why, code=stop))
    if stop == "model_context_window_exceeded":
        raise ProviderError(Failure(ErrorKind.CONTEXT_OVERFLOW, code=stop))


def _stop(stop: str | None, parts: list[Part]) -> Stop:
    if stop in _STOPS:
        return _STOPS[stop]
    called = any(isinstance(part, ToolCall) for part in parts)
    return Stop.TOOL_USE if called else Stop.END


def _usage(native: Mapping[str, Any]) -> Usage:
    details = native.get("output_tokens_details") or {}
    return Usage(
        input=native.get("input_tokens") or 0,
        cache_read=native.get("cache_read_input_tokens") or 0,
        cache_write=native.get("cache_creation_input_tokens") or 0,
        output=native.get("output_tokens") or 0,
        reasoning=details.get("thinking_tokens") or 0,
        native=dict(native),
    )


def _body(request: Request) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_output or MAX_OUTPUT,
        "messages": list(_messages(request)),
        # Each turn of an agent repeats all turns before it: let them be cached.
        "cache_control": {"type": "ephemeral"},
        "stream": True,
    }
    if request.system:
        body["system"] = request.system
    if request.tools:
        body["tools"] = [
            {
                "name": tool.name,
                "description": tool.description,
                "input_schema": dict(tool.schema),
            }
            for tool in request.tools
        ]
    if request.effort:
        body["output_config"] = {"effort": request.effort}
    if request.thinking is not None:
        kind = "adaptive" if request.thinking else "disabled"
        body["thinking"] = {"type": kind}
    return body | {"extra_body": dict(request.extra)}


def _messages(request: Request) -> Iterator[dict[str, Any]]:
    for message in request.messages:
        match message:
            case User(text):
                yield {"role": "user", "content": text}
            case ToolResults(results):
                yield {"role": "user", "content": [_result(one) for one in results]}
            case Assistant():
                blocks = message.blocks_for("anthropic", request.model)
                if blocks is None:
                    blocks = tuple(_block(p) for p in message.parts if _is_sent(p))
                # An answer without any content is given, and refused when sent back.
                if blocks:
                    yield {"role": "assistant", "content": list(blocks)}


def _result(result: ToolResult) -> dict[str, Any]:
    return {
        "type": "tool_result",
        "tool_use_id": _id(result.call_id),
        "content": result.text,
        "is_error": result.is_error,
    }


def _is_sent(part: Part) -> bool:
    """Thinking without its signature is refused, and so is empty text."""
    return isinstance(part, ToolCall) or (isinstance(part, Text) and bool(part.text))


def _block(part: Part) -> dict[str, Any]:
    if isinstance(part, ToolCall):
        call = {"type": "tool_use", "id": _id(part.id), "name": part.name}
        return {**call, "input": sendable(part)}
    return {"type": "text", "text": part.text}


def _id(call_id: str) -> str:
    """Other providers' ids have characters in them that this one refuses."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", call_id)
