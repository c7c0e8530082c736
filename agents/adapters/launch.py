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
    env: Mapping[str, str] = field(default_factory=dict)
    stdin: str = "none"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the hub gives to every run, whatever its adapter.

    `inherited` is the short allow-list of the hub's own environment; `home` is
    the agent's own directory, where it starts when its set-up names none.
    """

    run_id: str
    home: str
    url: str
    inherited: Mapping[str, str]
