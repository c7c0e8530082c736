"""The agents that are tortured: ten temperaments, each with a diary of every run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from agents.models import Agent
from agents.services import setups
from tests.harness.processes import program

# The longest life of a mortal program (seconds).
LONGEST: Final = 3.0


@dataclass(frozen=True, slots=True)
class Temperament:
    """What an agent's program does, and how its set-up differs."""

    name: str
    habits: tuple[str, ...] = ()
    setup: dict[str, Any] = field(default_factory=dict)

    @property
    def mortal(self) -> bool:
        """Whether it ends by itself."""
        return "mortal" in self.habits


_NO_LIMIT: Final = {"auto_restart": "always", "max_restarts": None}

TEMPERAMENTS: Final = (
    Temperament("plain"),
    Temperament("polite", ("polite",)),
    Temperament("stubborn", ("stubborn",), {"stop_grace": 0.2}),
    Temperament("family", ("family", "polite")),
    Temperament("daemon", ("daemon",)),
    Temperament("clan", ("stubborn_family", "daemon"), {"stop_grace": 0.3}),
    Temperament("mortal", ("mortal", "polite"), _NO_LIMIT),
    Temperament("flapping", ("mortal",), {"max_restarts": 4}),
    Temperament("once", ("mortal",), {"auto_restart": "never"}),
    Temperament("leaver", ("mortal", "daemon", "family"), _NO_LIMIT),
)


def make_fleet(root: Path, count: int, seed: str) -> dict[int, Temperament]:
    """So many agents, of all temperaments in turn, by primary key."""
    fleet = {}
    for number in range(count):
        temperament = TEMPERAMENTS[number % len(TEMPERAMENTS)]
        name = f"{temperament.name}-{number}"
        folder = diaries(root) / name
        folder.mkdir(parents=True)
        words = (str(folder), f"{seed} {name}", str(LONGEST), *temperament.habits)
        values: dict[str, Any] = {
            "command": program("diarist", *words),
            "env": {"MARKER": f"{folder}.notes"},
            "stop_grace": 1.0,
            "backoff_initial": 0.05,
            "backoff_max": 0.4,
        }
        agent = Agent(name=name, **(values | temperament.setup))
        setups.save(agent)
        fleet[agent.pk] = temperament
    return fleet


def diaries(root: Path) -> Path:
    """Where the programs write; each one's command line says so."""
    return root / "diaries"


@dataclass(frozen=True, slots=True)
class Page:
    """What one run's program told: lines written, and the code it ends with."""

    lines: int
    leaves: int | None


def read_page(root: Path, agent: str, run: str) -> Page | None:
    """None when the program never came so far."""
    try:
        words = (diaries(root) / agent / run).read_text().split()
    except FileNotFoundError:
        return None
    lines = int(words[0]) if words else 0
    return Page(lines, int(words[1]) if len(words) > 1 else None)


def notes(root: Path, agent: str) -> list[str]:
    """`who pid`, a line for each process that the agent's runs ever had."""
    path = diaries(root) / f"{agent}.notes"
    return path.read_text().splitlines() if path.exists() else []
