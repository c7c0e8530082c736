"""DeepSeek, and every server that speaks OpenAI's Chat Completions."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from agents.llm.arguments import sendable, tool_call
from agents.llm.endpoint import Endpoint, Kind
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
from agents.llm.providers.openai_client import make_client, without_key
from agents.llm.request import Request
from agents.llm.translation import named, said, translated
from agents.llm.usage import Usage, without_cache
from agents.policy.provider_retry import ErrorKind

if TYPE_CHECKING:
    from openai.types import CompletionUsage
    from openai.types.chat.chat_completion_chunk import ChoiceDelta, ChoiceDeltaToolCall

# What servers call the model's thoughts. The SDK knows none of these.
_THOUGHTS: Final = ("reasoning_content", "reasoning")
# DeepSeek refuses a conversation in which an answer lacks this, even if it is empty.
_MUST_COME_BACK: Final = ("reasoning_content", "")


class Chat:
    """One client of the SDK."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._client = make_client(endpoint)
        # The SDK imports its parts at first use: here, and not on the event loop.
        _ = self._client.chat.completions, self._client.models

    async def attempt(self, request: Request) -> AsyncGenerator[Piece]:
        """See Provider."""
        written, finish = _Written(), ""
        with translated(self._endpoint):
            body = _body(request, self._endpoint.kind)
            body["extra_headers"] = without_key(self._endpoint)
            stream = await self._client.chat.completions.create(**body)
            async with stream:
                async for chunk in stream:
                    silent = True
                    if chunk.usage is not None:
                        yield _usage(chunk.usage)
                    for choice in chunk.choices or ():
                        for piece in written.add(choice.delta):
                            silent = False
                            yield piece
                        finish = choice.finish_reason or finish
                    if silent:
                        yield BEAT
        if not finish:
            return
        calls = written.calls()
        for call in calls:
            yield call
        _check(self._endpoint, finish, written.refusal)
        stop = Stop.TOOL_USE if calls else Stop.END
        if finish == "length":
            stop = Stop.MAX_TOKENS
        yield Answer(stop, written.message(self._endpoint.kind, request.model, calls))

    async def models(self) -> tuple[str, ...]:
        """See Provider."""
        with translated(self._endpoint):
            headers = without_key(self._endpoint)
            return named(await self._client.models.list(extra_headers=headers))

    async def aclose(self) -> None:
        """See Provider."""
        await self._client.close()


class _Written:
    """An answer on its way. Pieces are collected, and joined at the end."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._thoughts: dict[str, list[str]] = {}
        self._details: list[Any] = []
        self._calls: list[dict[str, Any]] = []
        self._by_index: dict[int, dict[str, Any]] = {}

    @property
    def refusal(self) -> str:
        return "".join(self._refusal)

    def add(self, delta: ChoiceDelta) -> Iterator[Piece]:
        extra = delta.model_extra or {}
        for name in _THOUGHTS:
            if isinstance(thought := extra.get(name), str):
                self._thoughts.setdefault(name, []).append(thought)
                if thought:
                    yield ThinkingDelta(thought)
                break
        self._details += extra.get("reasoning_details") or ()
        if delta.content:
            self._text.append(delta.content)
            yield TextDelta(delta.content)
        if delta.refusal:
            self._refusal.append(delta.refusal)
        for fragment in delta.tool_calls or ():
            self._add_call(fragment)

    def _add_call(self, fragment: ChoiceDeltaToolCall) -> None:
        """A fragment belongs to the call of its index; some servers give none."""
        index = fragment.index if fragment.index is not None else len(self._calls)
        call = self._by_index.get(index)
        if call is None or (fragment.id and call["id"] and fragment.id != call["id"]):
            call = {"id": "", "name": "", "arguments": [], "extra": {}}
            self._by_index[index] = call
            self._calls.append(call)
        call["id"] = call["id"] or fragment.id or ""
        # Such as the signature of a thought that some models tie to a call.
        call["extra"] |= fragment.model_extra or {}
        if fragment.function is not None:
            call["name"] = call["name"] or fragment.function.name or ""
            call["arguments"].append(fragment.function.arguments or "")

    def calls(self) -> list[ToolCall]:
        return [
            tool_call(call["id"], call["name"], "".join(call["arguments"]))
            for call in self._calls
        ]

    def message(self, kind: Kind, model: str, calls: list[ToolCall]) -> Assistant:
        thoughts = {name: "".join(said) for name, said in self._thoughts.items()}
        text = "".join(self._text)
        native: dict[str, Any] = {"role": "assistant", "content": text, **thoughts}
        if kind is Kind.DEEPSEEK:
            native.setdefault(*_MUST_COME_BACK)
        if self._details:
            native["reasoning_details"] = self._details
        if calls:
            native["tool_calls"] = [
                {**_call(call), **written["extra"]}
                for call, written in zip(calls, self._calls, strict=True)
            ]
        thinking = [Thinking(thought) for thought in thoughts.values() if thought]
        parts: tuple[Part, ...] = (*thinking, *([Text(text)] if text else []), *calls)
        return Assistant(parts, Native(kind, model, (native,)))


def _check(endpoint: Endpoint, finish: str, refusal: str) -> None:
    """Raise what the reason to finish says went wrong, if something did."""
    if refusal or finish == "content_filter":
        why = shortened(refusal)
        raise ProviderError(Failure(ErrorKind.REFUSAL, why, code=finish))
    if finish in {"insufficient_system_resource", "error"}:
        raise ProviderError(said(endpoint, {"code": finish}))


def _usage(usage: CompletionUsage) -> Usage:
    native: dict[str, Any] = usage.to_dict()
    read = native.get("prompt_tokens_details") or {}
    made = native.get("completion_tokens_details") or {}
    # DeepSeek says it in a key of its own.
    cached = read.get("cached_tokens") or native.get("prompt_cache_hit_tokens") or 0
    return without_cache(
        usage.prompt_tokens,
        cached,
        read.get("cache_write_tokens") or 0,
        usage.completion_tokens,
        made.get("reasoning_tokens") or 0,
        native,
    )


def _body(request: Request, kind: Kind) -> dict[str, Any]:
    messages = [
        m for message in request.messages for m in _sent(message, request, kind)
    ]
    if request.system:
        messages.insert(0, {"role": "system", "content": request.system})
    body: dict[str, Any] = {
        "model": request.model,
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.tools:
        body["tools"] = [
            {"type": "function", "function": tool.as_function} for tool in request.tools
        ]
    if request.max_output:
        body["max_tokens"] = request.max_output
    if request.effort:
        body["reasoning_effort"] = request.effort
    extra = dict(request.extra)
    if kind is Kind.DEEPSEEK and request.thinking is not None:
        switch = "enabled" if request.thinking else "disabled"
        extra = {"thinking": {"type": switch}, **extra}
    return body | {"extra_body": extra}


def _sent(
    message: Message, request: Request, kind: Kind
) -> Iterator[Mapping[str, Any]]:
    match message:
        case User(text):
            yield {"role": "user", "content": text}
        case ToolResults(results):
            for result in results:
                yield {
                    "role": "tool",
                    "tool_call_id": result.call_id,
                    "content": result.marked,
                }
        case Assistant():
            blocks = message.blocks_for(kind, request.model)
            yield from blocks if blocks is not None else (_rebuilt(message, kind),)


def _rebuilt(message: Assistant, kind: Kind) -> dict[str, Any]:
    """An answer of another model, or of another provider."""
    sent: dict[str, Any] = {"role": "assistant", "content": message.text}
    if kind is Kind.DEEPSEEK:
        sent["reasoning_content"] = message.thinking
    if message.calls:
        sent["tool_calls"] = [_call(call) for call in message.calls]
    return sent


def _call(call: ToolCall) -> dict[str, Any]:
    """Servers that fill templates parse the arguments, and fail where they cannot."""
    raw = call.raw if call.arguments is not None else json.dumps(sendable(call))
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": raw or "{}"},
    }
