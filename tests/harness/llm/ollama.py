"""Ollama's own chat API: a JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.harness.llm.answers import Answer, Call, Refusal, Say, Think

TOOL_ERROR = "error parsing tool call: raw='{', err=unexpected end of JSON input"


class OllamaWire:
    path = "/api/chat"
    models_path = "/api/tags"
    content_type = "application/x-ndjson"

    def models(self, names: Sequence[str]) -> Any:
        return {"models": [{"name": name} for name in names]}

    def frames(self, answer: Answer, body: Mapping[str, Any]) -> list[bytes]:
        def line(**fields: Any) -> bytes:
            return json.dumps({"model": body["model"], **fields}).encode() + b"\n"

        frames: list[bytes] = []
        for message in messages(answer):
            if "error" in message:
                return [*frames, line(**message)]
            frames.append(line(message={"role": "assistant", **message}, done=False))
        ended = line(
            message={"role": "assistant", "content": ""},
            done=True,
            done_reason="length" if answer.stop in {"length", "context"} else "stop",
            total_duration=5_000_000,
            prompt_eval_count=20,
            eval_count=20,
        )
        return [*frames, ended]

    def error_frame(self) -> bytes:
        return b'{"error": "model runner has unexpectedly stopped"}\n'

    def refusal(self, status: int, text: str) -> Any:
        return {"error": text or f"This is a {status}."}

    def objection(
        self, headers: Mapping[str, str], body: Mapping[str, Any]
    ) -> Refusal | None:
        for message in body["messages"]:
            for call in message.get("tool_calls") or ():
                if not isinstance(call["function"]["arguments"], dict):
                    return Refusal(
                        400, text="json: cannot unmarshal string into object"
                    )
        return None


def messages(answer: Answer) -> Iterator[dict[str, Any]]:
    for act in answer.acts:
        match act:
            case Think(text, _):
                half = len(text) // 2
                yield {"content": "", "thinking": text[:half]}
                yield {"content": "", "thinking": text[half:]}
            case Say(pieces):
                for piece in pieces:
                    yield {"content": piece}
            case Call(name, raw, _):
                try:
                    arguments = json.loads(raw or "{}")
                except ValueError:
                    yield {"error": TOOL_ERROR}
                    return
                call = {"function": {"name": name, "arguments": arguments}}
                yield {"content": "", "tool_calls": [call]}
