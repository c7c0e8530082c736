"""CPU and memory of every agent's tree: one sweep for all, now and then."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agents.policy.clock import boot_seconds
from agents.supervisor.managed import ManagedAgent
from agents.supervisor.process.census import TICKS_PER_SECOND, Census, TreeKey

KEEP: Final = 60
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")

Row = tuple[int, float, int, int, list[list[float]]]


@dataclass(frozen=True, slots=True)
class Load:
    """What one tree uses: CPU ticks so far, bytes, processes, and when."""

    at: float
    cpu_ticks: int
    rss_bytes: int
    processes: int


def period(alive: int) -> float:
    """Seconds between sweeps: a few agents are watched more closely."""
    return 2.0 if alive <= 50 else 5.0 if alive <= 200 else 10.0


def measure(keys: Sequence[TreeKey], census: Census) -> dict[uuid.UUID, Load]:
    """One sweep; for the sampler's own thread."""
    trees = census.trees(census.take(), keys)
    at = boot_seconds()
    return {
        run_id: Load(
            at,
            sum(process.cpu_ticks for process in tree),
            sum(process.rss_pages for process in tree) * _PAGE,
            len(tree),
        )
        for run_id, tree in trees.items()
    }


def take_in(agent: ManagedAgent, load: Load) -> Row:
    """Keep the sample in memory; the row to store.

    A process that ended took its ticks along: the share is never below zero.
    """
    percent = 0.0
    if agent.cpu_ticks is not None:
        at, ticks = agent.cpu_ticks
        seconds = max(load.at - at, 0.001)
        percent = max(0.0, (load.cpu_ticks - ticks) / TICKS_PER_SECOND / seconds * 100)
    agent.cpu_ticks = (load.at, load.cpu_ticks)
    percent = round(percent, 1)
    agent.samples = [*agent.samples[1 - KEEP :], [percent, load.rss_bytes]]
    return (agent.id, percent, load.rss_bytes, load.processes, agent.samples)
