"""Agents whose health is looked at far more often than a set-up may ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from agents.models import Agent
from tests.harness.supervisor import Actor, Cast


def pids_in(marker: Path) -> list[int]:
    """The pids of the processes that have noted themselves there, as lines."""
    text = marker.read_text() if marker.exists() else ""
    whole = text[: text.rfind("\n") + 1]
    return [int(line.split()[1]) for line in whole.splitlines()]


Quick = Callable[..., Actor]


def hurried(cast: Cast) -> Quick:
    """A cast whose probes are asked ten times a second; no form would take that."""

    def make(*words: str, command: Sequence[str] = (), **setup: Any) -> Actor:
        if command:
            agent = cast.command(list(command), **setup)
        else:
            agent = cast(*words, **setup)
        probes = [one | {"period": 0.1, "timeout": 5} for one in agent.row.probes]
        Agent.objects.filter(pk=agent.row.pk).update(probes=probes)
        agent.look()
        return agent

    return make
