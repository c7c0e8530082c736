"""A contestant with its agents, watched from outside; leaves no process behind."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

from bench import processes
from bench.agents import Agent
from bench.births import Births
from bench.build import Built
from bench.contestants.contestant import Ground, Maker
from bench.deaths import Deaths

PATIENCE: Final = 90.0


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds from a command until it is so, and until it is written down as well."""

    seen: float
    recorded: float | None


class Fleet:
    """Launched on entering, with every agent alive; ended with all on leaving.

    `brief`: few rounds are wanted, to see that it works.
    """

    def __init__(
        self,
        maker: Maker,
        agents: Sequence[Agent],
        built: Built,
        brief: bool = False,
    ) -> None:
        self.agents, self.brief = agents, brief
        # Kept until the run is over: where ext4 has no journal, it is slow to make a
        # file for five minutes after many were deleted beside it.
        self.directory = Path(tempfile.mkdtemp(dir=built.directory))
        self.births = Births(self.directory / "fifo")
        self.contestant = maker(Ground(self.directory, self.births.path, agents, built))
        self._indexes = {agent.index for agent in agents}
        self.launched = 0.0

    def __enter__(self) -> Fleet:
        try:
            self.contestant.prepare()
            self.launched = self.launch()
        except BaseException:
            self._say_log()
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None and issubclass(kind, Exception):
            self._say_log()
        self._close()

    def launch(self) -> float:
        """Start the supervisor; seconds until the last agent was born."""
        mark, start = self.births.mark(), time.monotonic()
        self.contestant.launch()
        at = self.births.wait(mark, self._indexes, PATIENCE) if self.agents else start
        self.contestant.connect()
        # Those that fail for ever never all run.
        if all(agent.mode != "fail" for agent in self.agents):
            self.contestant.recorded(running=True)
        return at - start

    def start_all(self) -> Taken:
        """From the command to the birth of the last agent."""
        mark, start = self.births.mark(), time.monotonic()
        self.contestant.start_all()
        recorded = self.contestant.recorded(running=True)
        end = time.monotonic()
        seen = self.births.wait(mark, self._indexes, PATIENCE)
        return Taken(seen - start, end - start if recorded else None)

    def stop_all(self) -> Taken:
        """From the command to the death of the last process of any agent."""
        deaths = Deaths(self.processes())
        start = time.monotonic()
        self.contestant.stop_all()
        recorded = self.contestant.recorded(running=False)
        end = time.monotonic()
        seen = deaths.wait(PATIENCE)
        if left := self.processes():
            raise RuntimeError(
                f"{len(left)} processes of agents were not there before."
            )
        return Taken(seen - start, end - start if recorded else None)

    def processes(self) -> set[int]:
        """All processes of all agents that live, shims included."""
        return processes.naming(str(self.births.path))

    def own_processes(self) -> set[int]:
        """What the contestant runs beside the agents' programs: itself, its shims."""
        agents = set(self.births.pids().values())
        family = processes.with_descendants(self.contestant.pid)
        return (family | self.processes()) - agents

    def _close(self) -> None:
        try:
            self.contestant.close()
        finally:
            processes.sweep(self.directory)
            self.births.close()

    def _say_log(self) -> None:
        log = self.directory / "log"
        if log.exists():
            lines = log.read_text(errors="replace").splitlines()[-20:]
            print(f"{self.contestant.name} said:", *lines, sep="\n  ", file=sys.stderr)


@dataclass(frozen=True, slots=True)
class Plan:
    """Who is measured, with how many agents, and how long."""

    makers: Mapping[str, Maker]
    sizes: Sequence[int]
    built: Built
    brief: bool = False

    def fleet(self, who: str, agents: Sequence[Agent]) -> Fleet:
        """A contestant with these agents, not launched yet."""
        return Fleet(self.makers[who], agents, self.built, self.brief)
