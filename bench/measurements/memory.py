"""What supervision of agents that do nothing keeps in memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from bench import processes
from bench.figures import Figure
from bench.fleet import Fleet

SETTLE: Final = 1.0


def measure(fleet: Fleet) -> Iterator[Figure]:
    """The supervisor and its shims together, without the agents' programs."""
    time.sleep(SETTLE)
    size, who = len(fleet.agents), fleet.contestant.name
    mebibytes = processes.pss_bytes(fleet.own_processes()) / 2**20
    yield Figure("memory (PSS)", size, who, mebibytes, "MiB", 1)
