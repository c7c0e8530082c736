"""What a supervisor has to be able to do to be measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from bench.agents import Agent
from bench.build import Built

AT_THE_DOOR: Final = 10.0


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a contestant lives while it is measured, and whom it supervises.

    Everything it keeps is in `directory`. `fifo` is in the command line of every
    agent, and so of its shim: by that they are found.
    """

    directory: Path
    fifo: Path
    agents: Sequence[Agent]
    built: Built

    def argv(self, agent: Agent) -> list[str]:
        """The agent's command line."""
        return agent.argv(self.built.child, str(self.fifo))

    def output(self, agent: Agent) -> Path:
        """A file for its output, for those that may choose it."""
        return self.directory / f"{agent.name}.out"


class Contestant(Protocol):
    """One supervisor on its ground, driven by a client that is loaded already."""

    name: str

    def prepare(self) -> None:
        """Write down its set-up: all agents, all wanted running."""

    def launch(self) -> None:
        """Start the supervisor, which starts every agent by itself."""

    def connect(self) -> None:
        """Return once it can be asked."""

    @property
    def pid(self) -> int:
        """The supervisor's process."""

    def kill9(self) -> None:
        """End the supervisor as the kernel would, and nothing else."""

    def start_all(self) -> None:
        """Ask for all to be started; returns when that is asked."""

    def stop_all(self) -> None:
        """Ask for all to be stopped; returns when that is asked."""

    def recorded(self, running: bool) -> bool:
        """Wait until it is written down that all run, or that none does.

        False where nothing is written down.
        """

    def known(self) -> set[int]:
        """The pids it says it supervises."""

    def doors(self) -> Mapping[str, Callable[[], object]]:
        """By what it can be asked how its agents are, each a round trip.

        TimeoutError after AT_THE_DOOR seconds; then it is not to be asked again.
        """

    def output(self, agent: Agent) -> Path:
        """Where the agent's output is."""

    def close(self) -> None:
        """End the client and the supervisor; the agents are seen to by the fleet."""


Maker = Callable[[Ground], Contestant]
