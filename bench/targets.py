"""What AgentHub has to reach beside the others, and whether it did in this run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bench.contestants import BASELINE, OURS
from bench.figures import Figures
from bench.measurements import kill9, output, stubborn, watched
from bench.tables import number


@dataclass(frozen=True, slots=True)
class Verdict:
    """`held` is None where it cannot be judged: too few agents, or no peer."""

    target: str
    held: bool | None
    seen: str


@dataclass(frozen=True, slots=True)
class Target:
    """AgentHub's figure is at most this, or at most so many times another one's.

    `at_least` turns it round. `agents`: with fewer it is not judged.
    """

    what: str
    limit: float
    than: str = ""
    unit: str = ""
    at_least: bool = False
    agents: int = 0

    def judge(self, figures: Figures) -> Verdict:
        """At the largest number of agents that was measured."""
        found = figures.of(self.what)
        size = max((figure.size for figure in found), default=0)
        ours = figures.get(self.what, size, OURS)
        if ours is None:
            return Verdict(self.words, None, "")
        seen = f"{number(ours)} {found[0].unit}"
        other = figures.get(self.what, size, self.than) if self.than else 1.0
        if other is None:
            return Verdict(self.words, None, f"{seen}, without {self.than}")
        if self.than and other:
            seen += f", {number(ours / other)}x"
        if size < self.agents:
            return Verdict(self.words, None, f"{seen}, but with {size} agents")
        limit = self.limit * other
        held = ours >= limit if self.at_least else ours <= limit
        return Verdict(self.words, held, seen)

    @property
    def words(self) -> str:
        """The target as a sentence without a verb."""
        side = "at least" if self.at_least else "at most"
        if not self.than:
            return f"{self.what}: {side} {self.limit:g} {self.unit}".rstrip()
        if self.limit == 1:
            return f"{self.what}: not slower than {self.than}"
        if self.limit < 1:
            return f"{self.what}: {side} 1/{1 / self.limit:g} of {self.than}"
        return f"{self.what}: {side} {self.limit:g}x {self.than}"


TARGETS: Final = (
    Target("crash to restarted", 3, BASELINE, agents=500),
    Target("crash to restarted", 1, "pm2", agents=500),
    Target("crash to restarted", 1 / 100, "supervisord", agents=500),
    Target("start-all", 3, BASELINE, agents=500),
    Target("start-all", 1, "supervisord", agents=500),
    Target("start-all", 1, "circus", agents=500),
    Target("start-all", 1, "pm2", agents=500),
    Target("stop-all", 1, "circus", agents=500),
    Target("stop-all", 1, "pm2", agents=500),
    Target(stubborn.WHAT, 2.4, unit="s", agents=500),
    Target(output.SHARE, 0.95, at_least=True),
    Target(output.LOST, 0, unit="bytes"),
    Target(output.CPU, 1 / 20, "supervisord"),
    Target(output.TAILS, 0, unit="bytes"),
    Target("storm: status", 250, unit="ms", agents=100),
    Target("storm: page of all", 250, unit="ms", agents=100),
    Target("storm: a healthy neighbour's restart", 200, unit="ms", agents=100),
    Target("idle CPU", 2, unit="% of a core", agents=500),
    Target("memory (PSS)", 200, unit="MiB", agents=500),
    Target(kill9.DOUBLED, 0),
    Target(kill9.ORPHANED, 0),
    Target(watched.READ, 1.5, watched.UNDISTURBED, agents=100),
    Target(watched.ANSWERED, 160, unit="per second", at_least=True, agents=100),
    Target(watched.HEARD, 1.5, watched.UNDISTURBED, agents=100),
)


def verdicts(figures: Figures) -> list[Verdict]:
    """One for each target that something was measured for, in their order."""
    return [one for target in TARGETS if (one := target.judge(figures)).seen]
