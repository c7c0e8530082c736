"""Where a program is in what it follows, and what it is told next.

Frozen values that pass between the event loop and the editor's thread. Two programs at
the same place are told the same text, made once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class AgentsPlace:
    """All agents, true up to `seq`."""

    seq: int

    @property
    def topic(self) -> str:
        """As the program calls it."""
        return "agents"


@dataclass(frozen=True, slots=True)
class AgentPlace:
    """One agent, true up to `seq`."""

    name: str
    seq: int

    @property
    def topic(self) -> str:
        """As the program calls it."""
        return f"agent:{self.name}"


@dataclass(frozen=True, slots=True)
class TaskPlace:
    """One task, true up to `seq`, its steps up to `step`; `more`: it has others."""

    id: int
    seq: int
    step: int
    more: bool = False

    @property
    def topic(self) -> str:
        """As the program calls it."""
        return f"task:{self.id}"


@dataclass(frozen=True, slots=True)
class LogPlace:
    """The output of one agent's runs: of this run, read up to these bytes. Run 0 is
    before the first; without an agent of this name there is nothing to read."""

    name: str
    agent_id: int | None
    run: int
    out: int
    err: int

    @property
    def topic(self) -> str:
        """As the program calls it."""
        return f"logs:{self.name}"


Place: TypeAlias = AgentsPlace | AgentPlace | TaskPlace | LogPlace


@dataclass(frozen=True, slots=True)
class Told:
    """What comes next from a place: JSON texts, each the data of a message, or none
    when only the place has moved; `seq`: up to which they are true."""

    parts: Sequence[str]
    after: Place
    seq: int


@dataclass(frozen=True, slots=True)
class Answer:
    """To a subscription, for one topic: a snapshot, or a delta on `previous`.

    `resumed`: it goes on where the program said it was.
    """

    data: str
    place: Place
    seq: int
    resumed: bool
    previous: int | None = None
