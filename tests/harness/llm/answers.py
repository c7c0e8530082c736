"""What a stand-in is told to do with one request, whatever the vendor's format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias


@dataclass(frozen=True)
class Think:
    """Thoughts, and the vendor's seal on them."""

    text: str
    seal: str = "c2VhbA=="


@dataclass(frozen=True)
class Say:
    """Text, in pieces: one frame each."""

    pieces: tuple[str, ...]


@dataclass(frozen=True)
class Call:
    """A tool call; `raw` is what the model wrote as arguments."""

    name: str
    raw: str
    id: str = "call_1"


Act: TypeAlias = Think | Say | Call
Stop: TypeAlias = Literal["end", "length", "refusal", "context"]


@dataclass(frozen=True)
class Answer:
    """A stream of frames.

    `spoilt` is what happens in the middle of it: an error event, the connection cut or
    reset, a clean end too early, garbage, or silence. In seconds: `delay` is before
    anything, `pace` before each frame.
    """

    acts: tuple[Act, ...] = (Say(("Hello", ", ", "world.")),)
    stop: Stop = "end"
    spoilt: Literal["", "error", "drop", "reset", "cut", "silence", "garbage"] = ""
    delay: float = 0.0
    pace: float = 0.0


@dataclass(frozen=True)
class Refusal:
    """An answer that is not 200. `body` None: the vendor's own for this status."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    text: str = ""


@dataclass(frozen=True)
class Silence:
    """The request is read, and nothing is ever said."""


Behaviour: TypeAlias = Answer | Refusal | Silence
PLAIN = Answer()
