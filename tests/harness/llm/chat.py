"""Chat Completions as they stream: DeepSeek's, and those of a compatible server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.harness.llm.answers import Answer, Call, Refusal, Say, Think

FINISHES = {"length": "length", "refusal": "content_filter", "context": "length"}


class ChatWire:
    """A compatible server, such as vLLM."""

    path = "/chat/completions"
    models_path = "/models"
    content_type = "text/event-stream; charset=utf-8"
    thoughts = "reasoning"
    usage: Mapping[str, Any] = {
        "prompt_tokens": 20,
        "completion_tokens": 20,
        "total_tokens": 40,
        "prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 4},
    }

    def models(self, names: Sequence[str]) -> Any:
        return {"object": "list", "data": [{"id": name} for name in names]}

    def frames(self, answer: Answer, body: Mapping[str, Any]) -> list[bytes]:
        def chunk(choices: list[Any], **fields: Any) -> bytes:
            data = {
                "id": "chatcmpl-1",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": body["model"],
                "choices": choices,
                **fields,
            }
            return f"data: {json.dumps(data)}\n\n".encode()

        def choice(delta: Any, finish: str | None = None) -> list[Any]:
            return [{"index": 0, "delta": delta, "finish_reason": finish}]

        deltas = list(self.deltas(answer))
        called = any(isinstance(act, Call) for act in answer.acts)
        finish = FINISHES.get(answer.stop, "tool_calls" if called else "stop")
        frames = [
            b": keep-alive\n\n",
            chunk(choice({"role": "assistant", "content": None})),
            *(chunk(choice(delta)) for delta in deltas),
            chunk(choice({}, finish)),
        ]
        if (body.get("stream_options") or {}).get("include_usage"):
            frames.append(chunk([], usage=self.usage))
        return [*frames, b"data: [DONE]\n\n"]

    def deltas(self, answer: Answer) -> Iterator[dict[str, Any]]:
        index = 0
        for act in answer.acts:
            match act:
                case Think(text, _):
                    half = len(text) // 2
                    yield {self.thoughts: text[:half]}
                    yield {self.thoughts: text[half:]}
                case Say(pieces):
                    key = "refusal" if answer.stop == "refusal" else "content"
                    for piece in pieces:
                        yield {key: piece}
                case Call(name, raw, call_id):
                    half = len(raw) // 2
                    yield {"tool_calls": [self.call(index, name, call_id)]}
                    for part in (raw[:half], raw[half:]):
                        function = {"arguments": part}
                        yield {"tool_calls": [{"index": index, "function": function}]}
                    index += 1

    def call(self, index: int, name: str, call_id: str) -> dict[str, Any]:
        return {
            "index": index,
            "id": call_id,
            "type": "function",
            "function": {"name": name, "arguments": ""},
            "extra_content": {"seal": call_id},
        }

    def error_frame(self) -> bytes:
        error = {"message": "The engine died.", "type": "server_error", "code": 500}
        return f"data: {json.dumps({'error': error})}\n\n".encode()

    def refusal(self, status: int, text: str) -> Any:
        # vLLM says nothing useful in `type`.
        message = text or f"This is a {status}."
        error = {"message": message, "type": "BadRequestError", "code": status}
        return {"error": error}

    def objection(
        self, headers: Mapping[str, str], body: Mapping[str, Any]
    ) -> Refusal | None:
        asked: set[str] = set()
        for message in body["messages"]:
            for call in message.get("tool_calls") or ():
                try:
                    json.loads(call["function"]["arguments"])
                except ValueError:
                    return Refusal(400, text="arguments are not JSON")
                asked.add(call["id"])
            if message["role"] == "tool":
                if message["tool_call_id"] not in asked:
                    return Refusal(400, text="a tool message follows no tool call")
                asked.remove(message["tool_call_id"])
        if asked:
            return Refusal(400, text="tool calls must be followed by tool messages")
        return None


class DeepSeekWire(ChatWire):
    thoughts = "reasoning_content"
    usage: Mapping[str, Any] = {
        "prompt_tokens": 17,
        "completion_tokens": 20,
        "total_tokens": 37,
        "prompt_cache_hit_tokens": 5,
        "prompt_cache_miss_tokens": 12,
        "completion_tokens_details": {"reasoning_tokens": 4},
    }

    def call(self, index: int, name: str, call_id: str) -> dict[str, Any]:
        call = super().call(index, name, call_id)
        del call["extra_content"]
        return call

    def refusal(self, status: int, text: str) -> Any:
        kinds = {401: "authentication_error", 402: "unknown_error"}
        error = {
            "message": text or f"This is a {status}.",
            "type": kinds.get(status, "invalid_request_error"),
            "param": None,
            "code": "invalid_request_error",
        }
        return {"error": error}

    def objection(
        self, headers: Mapping[str, str], body: Mapping[str, Any]
    ) -> Refusal | None:
        if not headers.get("authorization", "").startswith("Bearer "):
            return Refusal(401)
        for message in body["messages"]:
            lacks = (
                message["role"] == "assistant" and "reasoning_content" not in message
            )
            if lacks:
                said = (
                    "The `reasoning_content` in the thinking mode must be passed back."
                )
                return Refusal(400, text=said)
        return super().objection(headers, body)
