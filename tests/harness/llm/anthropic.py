"""Anthropic's Messages API, as it streams."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.harness.llm.answers import Act, Answer, Call, Refusal, Say, Think

ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}
STOPS = {
    "length": "max_tokens",
    "refusal": "refusal",
    "context": "model_context_window_exceeded",
}
START_USAGE = {
    "input_tokens": 12,
    "cache_creation_input_tokens": 3,
    "cache_read_input_tokens": 5,
    "output_tokens": 1,
    "service_tier": "standard",
}
END_USAGE = {"output_tokens": 20, "output_tokens_details": {"thinking_tokens": 4}}


class AnthropicWire:
    path = "/v1/messages"
    models_path = "/v1/models"
    content_type = "text/event-stream; charset=utf-8"

    def models(self, names: Sequence[str]) -> Any:
        return {
            "data": [{"type": "model", "id": name} for name in names],
            "has_more": False,
        }

    def frames(self, answer: Answer, body: Mapping[str, Any]) -> list[bytes]:
        called = any(isinstance(act, Call) for act in answer.acts)
        stop = STOPS.get(answer.stop, "tool_use" if called else "end_turn")
        delta: dict[str, Any] = {"stop_reason": stop, "stop_sequence": None}
        if stop == "refusal":
            delta["stop_details"] = {
                "type": "refusal",
                "category": "cyber",
                "explanation": "I will not do that.",
            }
        message = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": START_USAGE,
        }
        return [
            event("message_start", message=message),
            event("ping"),
            *(
                frame
                for index, act in enumerate(answer.acts)
                for frame in block_frames(index, act)
            ),
            event("message_delta", delta=delta, usage=END_USAGE),
            event("message_stop"),
        ]

    def error_frame(self) -> bytes:
        error = {"type": "overloaded_error", "message": "Overloaded"}
        return event("error", error=error)

    def refusal(self, status: int, text: str) -> Any:
        kind = ERRORS.get(status, "api_error")
        error = {"type": kind, "message": text or f"This is a {status}."}
        return {"type": "error", "error": error, "request_id": "req_1"}

    def objection(
        self, headers: Mapping[str, str], body: Mapping[str, Any]
    ) -> Refusal | None:
        # The SDK sends the one from 2.14 on, and sent the other before.
        if not headers.get("authorization", headers.get("x-api-key")):
            return Refusal(401)
        if not body.get("max_tokens"):
            return Refusal(400, text="max_tokens: Field required")
        asked: set[str] = set()
        for message in body["messages"]:
            content = message["content"]
            if not content:
                return Refusal(400, text="messages: must have non-empty content")
            if isinstance(content, str):
                continue
            for block in content:
                if block["type"] == "thinking" and not block.get("signature"):
                    return Refusal(400, text="thinking.signature: Field required")
                if block["type"] == "text" and not block["text"]:
                    return Refusal(400, text="text content blocks must be non-empty")
                if block["type"] == "tool_use":
                    if not isinstance(block["input"], dict):
                        return Refusal(400, text="tool_use.input: not a dictionary")
                    asked.add(block["id"])
                if block["type"] == "tool_result":
                    if block["tool_use_id"] not in asked:
                        return Refusal(400, text="unexpected tool_use_id")
                    asked.remove(block["tool_use_id"])
        if asked:
            return Refusal(400, text="tool_use ids without tool_result blocks")
        return None


def block_frames(index: int, act: Act) -> Iterator[bytes]:
    started: dict[str, Any]
    match act:
        case Think(text, seal):
            started = {"type": "thinking", "thinking": "", "signature": ""}
            half = len(text) // 2
            deltas = [
                {"type": "thinking_delta", "thinking": text[:half]},
                {"type": "thinking_delta", "thinking": text[half:]},
                {"type": "signature_delta", "signature": seal},
            ]
        case Say(pieces):
            started = {"type": "text", "text": ""}
            deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
        case Call(name, raw, call_id):
            started = {"type": "tool_use", "id": call_id, "name": name, "input": {}}
            half = len(raw) // 2
            deltas = [
                {"type": "input_json_delta", "partial_json": part}
                for part in ("", raw[:half], raw[half:])
            ]
    yield event("content_block_start", index=index, content_block=started)
    for delta in deltas:
        yield event("content_block_delta", index=index, delta=delta)
    yield event("content_block_stop", index=index)


def event(kind: str, **fields: Any) -> bytes:
    data = json.dumps({"type": kind, **fields})
    return f"event: {kind}\ndata: {data}\n\n".encode()
