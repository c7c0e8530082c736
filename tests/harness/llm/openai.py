"""OpenAI's Responses API, as it streams."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.harness.llm.answers import Answer, Call, Refusal, Say, Think

CODES = {
    401: ("invalid_request_error", "invalid_api_key"),
    402: ("billing_error", None),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
    500: ("server_error", None),
    503: ("server_error", "server_is_overloaded"),
}
USAGE = {
    "input_tokens": 20,
    "input_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 3},
    "output_tokens": 20,
    "output_tokens_details": {"reasoning_tokens": 4},
    "total_tokens": 40,
}


class OpenAIWire:
    path = "/responses"
    models_path = "/models"
    content_type = "text/event-stream; charset=utf-8"

    def models(self, names: Sequence[str]) -> Any:
        return {"object": "list", "data": [{"id": name} for name in names]}

    def frames(self, answer: Answer, body: Mapping[str, Any]) -> list[bytes]:
        stream = Stream(body["model"])
        stream.send("response.created", response=stream.response("in_progress"))
        stream.send("response.in_progress", response=stream.response("in_progress"))
        for act in answer.acts:
            match act:
                case Think(text, seal):
                    stream.think(text, seal)
                case Say(pieces):
                    stream.say(pieces, refused=answer.stop == "refusal")
                case Call():
                    stream.call(act)
        match answer.stop:
            case "length":
                details = {"reason": "max_output_tokens"}
                ended = stream.response("incomplete", incomplete_details=details)
                stream.send("response.incomplete", response=ended)
            case "context":
                error = {
                    "code": "context_length_exceeded",
                    "message": "Your input exceeds the context window of this model.",
                }
                ended = stream.response("failed", error=error)
                stream.send("response.failed", response=ended)
            case _:
                ended = stream.response("completed")
                stream.send("response.completed", response=ended)
        return stream.frames

    def error_frame(self) -> bytes:
        error = {
            "type": "error",
            "code": "server_error",
            "message": "The server had an error.",
            "param": None,
            "sequence_number": 99,
        }
        return f"event: error\ndata: {json.dumps(error)}\n\n".encode()

    def refusal(self, status: int, text: str) -> Any:
        kind, code = CODES.get(status, ("invalid_request_error", None))
        message = text or f"This is a {status}."
        error = {"message": message, "type": kind, "param": None, "code": code}
        return {"error": error}

    def objection(
        self, headers: Mapping[str, str], body: Mapping[str, Any]
    ) -> Refusal | None:
        if not headers.get("authorization", "").startswith("Bearer "):
            return Refusal(401)
        if body.get("store") is not False:
            return Refusal(400, text="this organization stores nothing")
        asked: set[str] = set()
        for item in body["input"]:
            match item.get("type"):
                case "reasoning" if not item.get("encrypted_content"):
                    return Refusal(404, text=f"Item {item['id']!r} not found.")
                case "function_call":
                    asked.add(item["call_id"])
                case "function_call_output":
                    if item["call_id"] not in asked:
                        return Refusal(400, text="No tool call found for this output.")
                    asked.remove(item["call_id"])
        if asked:
            return Refusal(400, text="No tool output found for a function call.")
        return None


class Stream:
    """The frames so far, and the items they are about."""

    def __init__(self, model: str) -> None:
        self.frames: list[bytes] = []
        self._model = model
        self._items: list[dict[str, Any]] = []

    def send(self, kind: str, **fields: Any) -> None:
        data = {"type": kind, "sequence_number": len(self.frames), **fields}
        self.frames.append(f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode())

    def response(self, status: str, **fields: Any) -> dict[str, Any]:
        return {
            "id": "resp_1",
            "object": "response",
            "created_at": 1,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "model": self._model,
            "output": self._items if status != "in_progress" else [],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": USAGE if status != "in_progress" else None,
            **fields,
        }

    def think(self, text: str, seal: str) -> None:
        item: dict[str, Any] = {"id": "rs_1", "type": "reasoning", "summary": []}
        at = self._begin(item)
        where = {"item_id": "rs_1", "output_index": at, "summary_index": 0}
        part = {"type": "summary_text", "text": ""}
        self.send("response.reasoning_summary_part.added", part=part, **where)
        half = len(text) // 2
        for delta in (text[:half], text[half:]):
            self.send("response.reasoning_summary_text.delta", delta=delta, **where)
        self.send("response.reasoning_summary_text.done", text=text, **where)
        summary = [{"type": "summary_text", "text": text}]
        # A key that the SDK does not know must come back too.
        self._end(item, summary=summary, encrypted_content=seal, vendor_extra={"a": 1})

    def say(self, pieces: tuple[str, ...], refused: bool) -> None:
        item: dict[str, Any] = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "in_progress",
            "content": [],
        }
        at = self._begin(item)
        where = {"item_id": "msg_1", "output_index": at, "content_index": 0}
        kind, key = ("refusal", "refusal") if refused else ("output_text", "text")
        for piece in pieces:
            self.send(f"response.{kind}.delta", delta=piece, **where)
        content: dict[str, Any] = {"type": kind, key: "".join(pieces)}
        if not refused:
            content |= {"annotations": []}
        self._end(item, status="completed", content=[content])

    def call(self, call: Call) -> None:
        item: dict[str, Any] = {
            "id": f"fc_{call.id}",
            "type": "function_call",
            "status": "in_progress",
            "call_id": call.id,
            "name": call.name,
            "arguments": "",
        }
        at = self._begin(item)
        where = {"item_id": item["id"], "output_index": at}
        half = len(call.raw) // 2
        for delta in (call.raw[:half], call.raw[half:]):
            kind = "response.function_call_arguments.delta"
            self.send(kind, delta=delta, **where)
        kind = "response.function_call_arguments.done"
        self.send(kind, arguments=call.raw, name=call.name, **where)
        self._end(item, status="completed", arguments=call.raw)

    def _begin(self, item: dict[str, Any]) -> int:
        at = len(self._items)
        self.send("response.output_item.added", output_index=at, item=item)
        return at

    def _end(self, item: dict[str, Any], **fields: Any) -> None:
        done = {**item, **fields}
        at = len(self._items)
        self.send("response.output_item.done", output_index=at, item=done)
        self._items.append(done)
