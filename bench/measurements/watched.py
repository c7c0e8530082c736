"""From a crash to its restart while programs read, and while programs listen.

Beside the same undisturbed. AgentHub alone: the others have no such doors.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from bench.agents import waiting
from bench.contestants.agenthub import ROOT, AgentHub
from bench.conversation import Conversation
from bench.figures import Figure, median
from bench.fleet import Fleet, Plan
from bench.measurements.crash import crash

SIZE: Final = 100
SOCKETS: Final = 100
ROUNDS: Final = 6
CRASHES: Final = 12
SETTLE: Final = 0.5
UNDISTURBED: Final = "undisturbed"
READ: Final = "crash to restarted, 10,000 reads a minute"
HEARD: Final = f"crash to restarted, {SOCKETS} sockets"
ANSWERED: Final = "reads answered, of 167 asked each second"


def measure(plan: Plan, who: str) -> Iterator[Figure]:
    """By turns: nobody looks, somebody reads, somebody listens."""
    if who != AgentHub.name:
        return
    size = 10 if plan.brief else SIZE
    with plan.fleet(who, waiting(size)) as fleet:
        hub = fleet.contestant
        assert isinstance(hub, AgentHub)
        names = [agent.name for agent in fleet.agents]
        reader = _client(hub, "reader", *names)
        listeners = _client(hub, "listeners", str(SOCKETS))
        try:
            taken = _by_turns(fleet, {READ: reader, HEARD: listeners})
        finally:
            reader.close()
            listeners.close()
    for what in (READ, HEARD):
        yield median(what, size, who, taken[what], "ms")
        yield median(what, size, UNDISTURBED, taken[UNDISTURBED], "ms")
    yield median(ANSWERED, size, who, taken[ANSWERED], "per second")


def _client(hub: AgentHub, module: str, *words: str) -> Conversation:
    argv = [sys.executable, "-m", f"bench.clients.{module}", str(hub.port), hub.token]
    return Conversation([*argv, *words], hub.log, ROOT)


def _by_turns(
    fleet: Fleet, clients: Mapping[str, Conversation]
) -> dict[str, list[float]]:
    """Milliseconds of each crash, by what went on meanwhile."""
    turns = (UNDISTURBED, *clients)
    taken: dict[str, list[float]] = {what: [] for what in (*turns, ANSWERED)}
    chance = random.Random(1)
    next_one = iter(_endless(len(fleet.agents))).__next__
    for _ in range(1 if fleet.brief else ROUNDS):
        for what in turns:
            client, begun = clients.get(what), time.monotonic()
            if client is not None:
                client.ask("on")
            time.sleep(SETTLE)
            taken[what] += _crashes(fleet, chance, next_one)
            if client is not None:
                seconds = time.monotonic() - begun
                count = _count(what, json.loads(client.ask("off")))
                if what == READ:
                    taken[ANSWERED].append(count / seconds)
    return taken


def _endless(count: int) -> Iterator[int]:
    while True:
        yield from range(count)


def _crashes(
    fleet: Fleet, chance: random.Random, next_one: Callable[[], int]
) -> Iterator[float]:
    for _ in range(3 if fleet.brief else CRASHES):
        # No beat of anybody's shall fall into step with this.
        time.sleep(0.05 + 0.1 * chance.random())
        yield crash(fleet, next_one()) * 1e3


def _count(what: str, told: dict[str, int] | int) -> int:
    """How many answers or messages came; RuntimeError if they are not as they should.

    A hub that answers fewer reads than it is asked is a figure, and no failure to
    measure: its restarts are then those beside all the reads it can answer.
    """
    if isinstance(told, int):
        if told < SOCKETS * 2:
            raise RuntimeError(f"{told} messages came to {SOCKETS} sockets.")
        return told
    if told.keys() != {"200", "304"}:
        raise RuntimeError(f"{what}: the answers were {told}.")
    return sum(told.values())
