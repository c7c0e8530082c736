"""What a request yields, in order: deltas and calls, then exactly one End."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from agents.llm.failure import Failure
from agents.llm.messages import Assistant, ToolCall
from agents.llm.unicode import well_formed
from agents.llm.usage import Usage


class Stop(StrEnum):
    """Why a model ended its answer by itself."""

    END = "end"
    TOOL_USE = "tool_use"
    MAX_TOKENS = "max_tokens"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of what the model says."""

    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", well_formed(self.text))


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """A piece of what the model thinks."""

    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", well_formed(self.text))


@dataclass(frozen=True, slots=True)
class Used:
    """The tokens of the attempt up to now; a later one of the same attempt replaces it.

    So whoever keeps the last of each attempt knows what is to be paid, also when the
    request is cancelled or fails.
    """

    attempt: int
    usage: Usage


@dataclass(frozen=True, slots=True)
class Retrying:
    """The attempt failed; the next begins in `delay` seconds."""

    attempt: int
    attempts: int
    delay: float
    failure: Failure


@dataclass(frozen=True, slots=True)
class Restarted:
    """The answer begins anew: deltas and calls handed on before are void."""

    attempt: int


@dataclass(frozen=True, slots=True)
class End:
    """The end: `stop` and `message`, or `failure`. `usage` is that of all attempts."""

    stop: Stop | None
    failure: Failure | None
    message: Assistant | None
    usage: Usage
    attempts: int


Event: TypeAlias = (
    TextDelta | ThinkingDelta | ToolCall | Used | Retrying | Restarted | End
)
