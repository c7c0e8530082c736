"""Locks on files: how many one agent takes and gives back, and how long eight wait.

Beside the package `filelock`, which locks with the kernel and knows no agents: no rows,
no queue, no patterns, nothing that outlives a crash. AgentHub alone of the supervisors
has locks.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from bench.agents import waiting
from bench.clients import locker
from bench.contestants import daemon
from bench.contestants.agenthub import ROOT, AgentHub
from bench.conversation import Conversation
from bench.figures import Figure, median
from bench.fleet import Plan

FILELOCK: Final = "filelock"
CONTENDERS: Final = 8
ROUNDS: Final = 3
SECONDS: Final = 3.0
# Each holds it for so long (seconds): time to write a small file.
HOLD: Final = 0.002
ALONE: Final = "one agent's locks taken and given back"
TOGETHER: Final = f"{CONTENDERS} agents' locks taken and given back"
MEDIAN: Final = f"waited for a lock that {CONTENDERS} want, median"
LONGEST: Final = f"waited for a lock that {CONTENDERS} want, 99 of 100"


def measure(plan: Plan, who: str) -> Iterator[Figure]:
    """By turns, the hub's and the package's."""
    if who != AgentHub.name:
        return
    with plan.fleet(who, waiting(CONTENDERS)) as fleet:
        hub = fleet.contestant
        assert isinstance(hub, AgentHub)
        space = fleet.directory / "workspace"
        space.mkdir()
        token, names = hub.token_to_operate(), [one.name for one in fleet.agents]
        sides: dict[str, list[Conversation]] = {
            who: [_of_hub(hub, token, name, space) for name in names]
        }
        if (python := daemon.peers_python()).exists():
            sides[FILELOCK] = [_of_files(python, hub.log, space) for _ in names]
        try:
            yield from _by_turns(sides, 0.5 if fleet.brief else SECONDS)
        finally:
            for one in (one for side in sides.values() for one in side):
                one.close()


def _of_hub(hub: AgentHub, token: str, agent: str, space: Path) -> Conversation:
    words = ["hub", str(hub.port), token, agent, str(space)]
    argv = [sys.executable, "-m", locker.__name__, *words]
    return Conversation(argv, hub.log, ROOT)


def _of_files(python: Path, log: Path, space: Path) -> Conversation:
    return Conversation([str(python), locker.__file__, FILELOCK, str(space)], log)


def _by_turns(sides: dict[str, list[Conversation]], seconds: float) -> Iterator[Figure]:
    alone: dict[str, list[float]] = {who: [] for who in sides}
    together: dict[str, list[float]] = {who: [] for who in sides}
    waited: dict[str, list[float]] = {who: [] for who in sides}
    for _ in range(ROUNDS):
        for who, contenders in sides.items():
            found, passed = _go(contenders[:1], seconds, 0.0)
            alone[who].append(len(found) / passed)
            found, passed = _go(contenders, seconds, HOLD)
            together[who].append(len(found) / passed)
            waited[who] += found
    for what, rates in ((ALONE, alone), (TOGETHER, together)):
        size = 1 if what == ALONE else CONTENDERS
        for who, values in rates.items():
            yield median(what, size, who, values, "per second")
    for who, values in waited.items():
        ms = [value * 1e3 for value in values]
        yield median(MEDIAN, CONTENDERS, who, ms, "ms")
    for who, values in waited.items():
        ms = [value * 1e3 for value in values]
        last = statistics.quantiles(ms, n=100)[98]
        yield Figure(LONGEST, CONTENDERS, who, last, "ms", len(ms))


def _go(
    contenders: Sequence[Conversation], seconds: float, hold: float
) -> tuple[list[float], float]:
    """How long each lock was waited for, in seconds, and how long all that took."""
    begun = time.monotonic()
    for one in contenders:
        one.say(f"{seconds} {hold}")
    heard = [json.loads(one.hear()) for one in contenders]
    return [value for values in heard for value in values], time.monotonic() - begun
