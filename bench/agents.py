"""The agents that every contestant is given: how many, what they do, what is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mode = Literal["wait", "deaf", "fail", "write", "burst"]


@dataclass(frozen=True, slots=True)
class Agent:
    """One program to supervise; `mode` is explained in child.c.

    `restart`: whenever it ends, without delay and without a limit. `grace`: seconds
    between TERM and KILL.
    """

    index: int
    mode: Mode = "wait"
    bytes: int = 0
    restart: bool = True
    grace: float = 2.0

    @property
    def name(self) -> str:
        """What a contestant calls it."""
        return f"a{self.index:03}"

    def argv(self, child: list[str], fifo: str) -> list[str]:
        """Its command line."""
        words = [*child, fifo, str(self.index), self.mode]
        return [*words, str(self.bytes)] if self.bytes else words


def waiting(count: int) -> list[Agent]:
    """So many agents that cost nothing and do nothing."""
    return [Agent(index) for index in range(count)]
