"""Ollama, by its own API: the OpenAI-compatible one cannot set the context's size."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from agents.llm import http
from agents.llm.arguments import sendable, tool_call
from agents.llm.endpoint import Endpoint
from agents.llm.events import Stop, TextDelta, ThinkingDelta
from agents.llm.failure import Failure, ProviderError
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
from agents.llm.request import Request
from agents.llm.translation import UNREADABLE, said, translated
from agents.llm.usage import Usage

if TYPE_CHECKING:
    import httpx2

_LONGEST_ERROR: Final = 65_536


class Ollama:
    """One HTTP client."""

    def __init__(self, endpoint: Endpoint) -> None:
        import httpx2

        self._endpoint = endpoint
        key = endpoint.key.reveal()
        self._client = httpx2.AsyncClient(
            base_url=endpoint.base_url,
            # Ollama itself has no keys; what stands before it may.
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=http.timeouts(),
            follow_redirects=http.FOLLOW_REDIRECTS,
            limits=httpx2.Limits(max_connections=1000, max_keepalive_connections=100),
        )

    async def attempt(self, request: Request) -> AsyncGenerator[Piece]:
        """See Provider."""
        written = _Written()
        with translated(self._endpoint):
            asking = self._client.stream("POST", "/api/chat", json=_body(request))
            async with asking as response:
                if response.status_code != 200:
                    raise ProviderError(await self._refusal(response))
                async for line in response.aiter_lines():
                    if not line.strip():
                        continue
                    told = json.loads(line)
                    if "error" in told:
                        raise ProviderError(said(self._endpoint, told))
                    for piece in written.add(told.get("message") or {}):
                        yield piece
                    if told.get("done"):
                        yield _usage(told)
                        yield Answer(
                            written.stop(told.get("done_reason")),
                            written.message(self._endpoint, request.model),
                        )
                    yield BEAT

    async def models(self) -> tuple[str, ...]:
        """See Provider. Those that it has on its disk."""
        with translated(self._endpoint):
            async with self._client.stream("GET", "/api/tags") as response:
                if response.status_code != 200:
                    raise ProviderError(await self._refusal(response))
                told = json.loads(await response.aread())
            if not isinstance(told, dict):
                raise ProviderError(UNREADABLE)
            names = (one.get("name") for one in told.get("models") or ())
            return tuple(str(name) for name in names if name)

    async def aclose(self) -> None:
        """See Provider."""
        await self._client.aclose()

    async def _refusal(self, response: httpx2.Response) -> Failure:
        """What an answer that is not 200 says; a page of a proxy may be endless."""
        text = b""
        async for chunk in response.aiter_bytes():
            text += chunk
            if len(text) > _LONGEST_ERROR:
                break
        try:
            body: object = json.loads(text)
        except ValueError:
            body = text.decode(errors="replace")
        headers, status = response.headers, response.status_code
        return said(self._endpoint, body, status=status, headers=headers)


class _Written:
    """An answer on its way. Pieces are collected, and joined at the end."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._thinking: list[str] = []
        self._native_calls: list[Mapping[str, Any]] = []
        self._calls: list[ToolCall] = []

    def add(self, message: Mapping[str, Any]) -> Iterator[Piece]:
        if thought := message.get("thinking"):
            self._thinking.append(thought)
            yield ThinkingDelta(thought)
        if text := message.get("content"):
            self._text.append(text)
            yield TextDelta(text)
        for native in message.get("tool_calls") or ():
            called = native["function"]
            arguments = called.get("arguments") or {}
            # An object as a rule; a string where the model made it one.
            raw = arguments if isinstance(arguments, str) else json.dumps(arguments)
            call = tool_call(native.get("id") or "", called["name"], raw)
            self._native_calls.append(native)
            self._calls.append(call)
            yield call

    def stop(self, reason: str | None) -> Stop:
        if reason == "length":
            return Stop.MAX_TOKENS
        return Stop.TOOL_USE if self._calls else Stop.END

    def message(self, endpoint: Endpoint, model: str) -> Assistant:
        text, thinking = "".join(self._text), "".join(self._thinking)
        native: dict[str, Any] = {"role": "assistant", "content": text}
        if thinking:
            native["thinking"] = thinking
        if self._native_calls:
            native["tool_calls"] = self._native_calls
        parts: tuple[Part, ...] = (
            *([Thinking(thinking)] if thinking else []),
            *([Text(text)] if text else []),
            *self._calls,
        )
        return Assistant(parts, Native(endpoint.kind, model, (native,)))


def _usage(told: Mapping[str, Any]) -> Usage:
    """It counts thoughts as output, and does not say how many there were."""
    native = {k: v for k, v in told.items() if k.endswith(("_count", "_duration"))}
    read, made = told.get("prompt_eval_count"), told.get("eval_count")
    return Usage(input=read or 0, output=made or 0, native=native)


def _body(request: Request) -> dict[str, Any]:
    messages = [
        sent for message in request.messages for sent in _sent(message, request)
    ]
    if request.system:
        messages.insert(0, {"role": "system", "content": request.system})
    body: dict[str, Any] = {
        "model": request.model,
        "messages": messages,
        "stream": True,
        # Without these it drops what does not fit, and says nothing.
        "truncate": False,
        "shift": False,
    }
    if request.tools:
        body["tools"] = [
            {"type": "function", "function": tool.as_function} for tool in request.tools
        ]
    if request.thinking is not None or request.effort:
        body["think"] = request.thinking is not False and (request.effort or True)
    options = {"num_predict": request.max_output, "num_ctx": request.context}
    set_options = {name: value for name, value in options.items() if value}
    return body | {"options": set_options} | dict(request.extra)


def _sent(message: Message, request: Request) -> Iterator[Mapping[str, Any]]:
    match message:
        case User(text):
            yield {"role": "user", "content": text}
        case ToolResults(results):
            for result in results:
                yield {
                    "role": "tool",
                    "tool_name": result.name,
                    "tool_call_id": result.call_id,
                    "content": result.marked,
                }
        case Assistant():
            blocks = message.blocks_for("ollama", request.model)
            yield from blocks if blocks is not None else (_rebuilt(message),)


def _rebuilt(message: Assistant) -> dict[str, Any]:
    """An answer of another model, or of another provider."""
    sent: dict[str, Any] = {"role": "assistant", "content": message.text}
    if message.calls:
        sent["tool_calls"] = [
            {
                "id": call.id,
                "function": {"name": call.name, "arguments": sendable(call)},
            }
            for call in message.calls
        ]
    return sent
