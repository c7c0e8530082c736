"""A conversation in our own shape, whichever provider holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from agents.llm.failure import Failure
from agents.llm.unicode import well_formed, well_formed_json


@dataclass(frozen=True, slots=True)
class Text:
    """What the model says."""

    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", well_formed(self.text))


@dataclass(frozen=True, slots=True)
class Thinking:
    """What the model thinks, as far as the provider shows it."""

    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", well_formed(self.text))


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A complete call of a tool.

    `arguments` is None, and `error` says why, when `raw` is not a JSON object: that
    is for the model to hear about, and ends nothing.
    """

    id: str
    name: str
    raw: str
    arguments: Mapping[str, Any] | None
    error: Failure | None = None


Part: TypeAlias = Text | Thinking | ToolCall


@dataclass(frozen=True, slots=True)
class Native:
    """A provider's own blocks of an answer, kept as they came.

    Signatures of thinking, reasoning items and `reasoning_content` must be sent back
    unchanged, and mean something only to the model that wrote them.
    """

    provider: str
    model: str
    blocks: tuple[Mapping[str, Any], ...]

    def __post_init__(self) -> None:
        blocks = tuple(well_formed_json(block) for block in self.blocks)
        object.__setattr__(self, "blocks", blocks)


@dataclass(frozen=True, slots=True)
class User:
    """What a person, or the hub for one, says."""

    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", well_formed(self.text))


@dataclass(frozen=True, slots=True)
class Assistant:
    """An answer of a model."""

    parts: tuple[Part, ...]
    native: Native | None = None

    @property
    def text(self) -> str:
        """All that was said."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def thinking(self) -> str:
        """All that was thought, as far as it was shown."""
        return "".join(part.text for part in self.parts if isinstance(part, Thinking))

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The tools it wants called."""
        return tuple(part for part in self.parts if isinstance(part, ToolCall))

    def blocks_for(
        self, provider: str, model: str
    ) -> tuple[Mapping[str, Any], ...] | None:
        """The blocks to send back verbatim, if this very model wrote them."""
        native = self.native
        if native is None or (native.provider, native.model) != (provider, model):
            return None
        return native.blocks


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came of one call."""

    call_id: str
    name: str
    text: str
    is_error: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", well_formed(self.text))

    @property
    def marked(self) -> str:
        """The text for a provider that has no mark of its own for errors."""
        return f"Error: {self.text}" if self.is_error else self.text


@dataclass(frozen=True, slots=True)
class ToolResults:
    """What came of all calls of one answer."""

    results: tuple[ToolResult, ...]


Message: TypeAlias = User | Assistant | ToolResults
