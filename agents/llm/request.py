"""What a model is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.llm.messages import Message


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that the model may call. `schema`: JSON schema of its arguments."""

    name: str
    description: str
    schema: Mapping[str, Any]

    @property
    def as_function(self) -> dict[str, Any]:
        """As OpenAI, and those who followed it, want it described."""
        return {
            "name": self.name,
            "description": self.description,
            "parameters": dict(self.schema),
        }


@dataclass(frozen=True, slots=True)
class Request:
    """One turn of a conversation.

    `max_output` in tokens. `effort` is a word of the provider's ("low", "high", …)
    and `thinking` switches it; None leaves both to the model. `context` in tokens is
    what a server that reserves it is told to reserve (Ollama). `extra` is merged into
    the request as it is, for what only one provider knows.
    """

    model: str
    messages: tuple[Message, ...]
    system: str = ""
    tools: tuple[Tool, ...] = ()
    max_output: int | None = None
    effort: str | None = None
    thinking: bool | None = None
    context: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
