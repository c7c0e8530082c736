"""What a provider is to the rest of the room: one attempt at a request."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from agents.llm.events import Stop, TextDelta, ThinkingDelta
from agents.llm.messages import Assistant, ToolCall
from agents.llm.request import Request
from agents.llm.usage import Usage


@dataclass(frozen=True, slots=True)
class Beat:
    """Something arrived that is nothing to show yet, such as half a tool call."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The last thing of an attempt that went well."""

    stop: Stop
    message: Assistant


BEAT = Beat()
Piece: TypeAlias = TextDelta | ThinkingDelta | ToolCall | Usage | Beat | Answer


class Provider(Protocol):
    """Talks to one endpoint with one key. Its constructor blocks; see Clients."""

    def attempt(self, request: Request) -> AsyncGenerator[Piece]:
        """Ask once. Usage is that of the attempt up to now; the last piece is Answer.

        Raises ProviderError. Whatever arrives yields a piece, so that silence can be
        told from work.
        """
        ...

    async def models(self) -> tuple[str, ...]:
        """The models it names, which costs no tokens; raises ProviderError."""
        ...

    async def aclose(self) -> None:
        """Close its connections."""
        ...
