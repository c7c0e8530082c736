"""What a tool is to the rest of the room: it is described, called, and answers text.

What goes wrong in a tool is an answer for the model too, and ends nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

if TYPE_CHECKING:
    from agents.llm.request import Tool as Description


async def _nothing() -> None:
    """Nobody looks."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where and for whom a tool works.

    `workspace`: the directory it cannot leave. `run_id`: the run whose processes a
    command belongs to; `folder`: where that run's files are. `env`: the agent's own;
    `inherited`: what every run is given of the hub's; `marks`: what tells a command
    whose it is and how it reaches the hub. `ask`: puts a question to a person and
    waits for the answer. `lock`: waits until a file may be written, given by its path
    below the workspace, or raises Refused. `command_begins`: awaited before anything is
    run that may write what is not locked.
    """

    workspace: Path
    run_id: UUID
    folder: Path
    env: Mapping[str, str]
    inherited: Mapping[str, str]
    marks: Mapping[str, str] = field(repr=False)
    agent: str
    allow_commands: bool
    ask: Callable[[str], Awaitable[str]]
    lock: Callable[[str], Awaitable[None]]
    command_begins: Callable[[], Awaitable[None]] = _nothing


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call. `files`: what it has written, below the workspace."""

    text: str
    error: bool = False
    files: tuple[str, ...] = field(default=())


class Refused(Exception):
    """The call cannot be done; the message tells the model what to change."""


class Tool(Protocol):
    """Stateless: one object serves all agents. `call` may raise Refused."""

    @property
    def description(self) -> Description:
        """Name, purpose and arguments, as the model is told."""
        ...

    async def call(self, arguments: Mapping[str, Any], around: Surroundings) -> Outcome:
        """Do it. Blocking work runs in a thread; being cancelled ends what it began."""
        ...
