"""What an adapter makes of a set-up: all that a spawn needs, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Launch:
    """A program and its surroundings. `argv` begins with the program's path, and never
    passes a shell."""

    argv: tuple[str, ...]
    cwd: str
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    stdin: str = "none"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the hub gives to every run, whatever its adapter.

    `inherited` is the short allow-list of the hub's own environment; `home` is
    the agent's own directory, where it starts when its set-up names none. `url`: of
    the hub, empty where it serves no pages. `token`: lets the run's processes act for
    their agent; empty for what is no program of an agent, such as a probe.
    """

    run_id: str
    home: str
    url: str
    inherited: Mapping[str, str]
    token: str = field(default="", repr=False)

    def marks(self, agent: str) -> dict[str, str]:
        """What tells a process whose it is and how it reaches the hub."""
        marks = {"AGENTHUB_RUN": self.run_id, "AGENTHUB_AGENT": agent}
        if self.url:
            marks["AGENTHUB_URL"] = self.url
        if self.token:
            marks["AGENTHUB_TOKEN"] = self.token
        return marks
