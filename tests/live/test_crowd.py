"""A crowd listens on a real hub while all agents restart: nobody misses anything, or is
told it twice; those who do not keep up are closed, and the rest is in time."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from dataclasses import dataclass
from functools import partial

import pytest

from tests.harness.hub import HubProcess
from tests.live.crowd import Line, Member, Readings, until_told, written
from tests.live.deaf import RawSocket, a_token, has

CLOSED_WITHIN = 10.0
# Seconds. Half a second is what a machine with nothing else to do holds, and what is
# printed; beside other tests on two cores it takes longer, which says nothing.
IN_TIME = 2.0


def add_agents(hub: HubProcess, count: int) -> list[str]:
    """Agents that do nothing, and run."""
    names = [f"c{number:03}" for number in range(count)]
    setups = [{"name": name, "command": ["sleep", "9999"]} for name in names]
    path = hub.home / "agents.json"
    path.write_text(json.dumps({"agents": setups}))
    assert hub.agents("import", str(path)).returncode == 0
    assert hub.agents("start", *names, "--wait", "60").returncode == 0
    return names


@dataclass
class Crowd:
    """Who listens: those who acknowledge, one that reads and does not, one that does
    not even read."""

    hub: HubProcess
    token: str
    good: list[Member]
    silent: Member
    deaf: RawSocket

    @classmethod
    async def gather(cls, hub: HubProcess, token: str, count: int) -> Crowd:
        readings = Readings()
        good = [Member(hub, token, readings) for _ in range(count)]
        silent = Member(hub, token, readings)
        await asyncio.gather(*(one.listen() for one in (*good, silent)))
        deaf = RawSocket(hub, f"Authorization: Bearer {token}")
        return cls(hub, token, good, silent, deaf)

    async def deaf_is_gone(self) -> float:
        """Seconds from its subscription until the hub has dropped it."""
        self.deaf.send(type="subscribe", topics=["agents"])
        begun = time.time()
        while has(self.hub, self.deaf.port):
            assert time.time() - begun < CLOSED_WITHIN, "it is still connected"
            await asyncio.sleep(0.1)
        return time.time() - begun

    async def disperse(self) -> None:
        self.deaf.close()
        await asyncio.gather(*(one.leave() for one in (*self.good, self.silent)))


async def restarted_before(
    hub: HubProcess, token: str, names: list[str], count: int, rounds: int = 1
) -> Crowd:
    """All agents restart while everybody listens; then everybody has been told."""
    first = len(written(hub))
    crowd = await Crowd.gather(hub, token, count)
    try:
        crowd.silent.acknowledges = False
        gone = asyncio.create_task(crowd.deaf_is_gone())
        for _ in range(rounds):
            restart = partial(hub.agents, "restart", *names, "--wait", "60")
            done = await asyncio.to_thread(restart)
            assert done.returncode == 0, done.stderr
        lines = written(hub)[first:]
        await until_told(crowd.good, len(lines), 20.0)
        await crowd.silent.gone()
        await gone
        check(crowd, lines)
    finally:
        await crowd.disperse()
    return crowd


def check(crowd: Crowd, lines: list[Line]) -> None:
    assert len({line.agent for line in lines}) * 3 <= len(lines)
    for one in crowd.good:
        assert one.gaps() == []
        assert [line for _, line in one.told] == lines, "each once, in order"
        assert one.ended is None
    silent = crowd.silent
    assert silent.gaps() == []
    assert silent.came[-1].head["type"] == "bye"
    assert silent.came[-1].head["code"] == 4408
    assert silent.ended is not None and silent.unheard_since is not None
    closed_at, code = silent.ended
    assert code == 4408
    assert closed_at - silent.unheard_since < CLOSED_WITHIN


def in_time(crowd: Crowd) -> float:
    """Seconds from a change to its arrival: 99 of 100 are not later."""
    late = [at - line.at for one in crowd.good for at, line in one.told]
    hundredths = statistics.quantiles(late, n=100)
    print(
        f"{len(late)} changes arrived after {hundredths[49] * 1e3:.0f} ms (median), "
        f"{hundredths[98] * 1e3:.0f} ms (99 of 100), {max(late) * 1e3:.0f} ms (the "
        f"last); load {os.getloadavg()[0]:.1f}"
    )
    return hundredths[98]


def test_twenty_listen_while_twenty_agents_restart(hub: HubProcess) -> None:
    token, names = a_token(hub), add_agents(hub, 20)
    in_time(asyncio.run(restarted_before(hub, token, names, 20)))


@pytest.mark.full
def test_a_hundred_listen_while_a_hundred_agents_restart(hub: HubProcess) -> None:
    token, names = a_token(hub), add_agents(hub, 100)
    crowd = asyncio.run(restarted_before(hub, token, names, 100, rounds=3))
    assert in_time(crowd) < IN_TIME
