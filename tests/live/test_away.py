"""A program that was away while the hub restarted, or died, goes on where it was, and
has been told every change of status there ever was, once and in order."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from functools import partial

import pytest

from tests.harness.hub import HubProcess
from tests.harness.waiting import until
from tests.live.crowd import Member, Readings, until_told, written
from tests.live.deaf import a_token
from tests.live.test_crowd import add_agents

AGENTS = 6


@pytest.fixture
def member(hub: HubProcess) -> Member:
    """A program; it has yet to listen."""
    return Member(hub, a_token(hub), Readings())


async def has_missed_nothing(member: Member, count: int) -> None:
    """It is told all that there is; `count`: at least so many lines."""
    lines = written(member.hub)
    assert len(lines) >= count
    await until_told([member], len(lines), 20.0)
    assert [line for _, line in member.told] == lines
    assert member.gaps() == []
    assert [one.head["type"] for one in member.came].count("snapshot") == 1


def restart(hub: HubProcess, names: list[str]) -> None:
    done = hub.agents("restart", *names, "--wait", "60")
    assert done.returncode == 0, done.stderr


def is_settled(hub: HubProcess, name: str, pid: int) -> bool:
    """Whether the agent runs, in another process than this."""
    row = hub.row(name)
    return bool(row["status"] == "running" and row["pid"] not in (None, pid))


def test_over_a_restart_of_the_hub(hub: HubProcess, member: Member) -> None:
    async def away() -> None:
        await member.listen()
        names = await asyncio.to_thread(add_agents, hub, AGENTS)
        await has_missed_nothing(member, 2 * AGENTS)
        await asyncio.to_thread(hub.stop)
        await member.gone()
        told = len(written(hub))
        await asyncio.to_thread(hub.start)
        # It is late: much has happened when it comes back.
        await asyncio.to_thread(restart, hub, names)
        assert len(written(hub)) >= told + 3 * AGENTS
        await member.listen()
        await has_missed_nothing(member, told + 3 * AGENTS)
        assert [one.head.get("resumed") for one in member.came].count(True) == 1
        await member.leave()

    asyncio.run(away())


def test_over_the_death_of_the_hub_while_agents_die(
    hub: HubProcess, member: Member
) -> None:
    async def away() -> None:
        await member.listen()
        names = await asyncio.to_thread(add_agents, hub, AGENTS)
        await has_missed_nothing(member, 2 * AGENTS)
        hub.kill9()
        await member.gone()
        died = {name: hub.row(name)["pid"] for name in names[: AGENTS // 2]}
        for pid in died.values():
            os.kill(pid, signal.SIGKILL)
        await asyncio.to_thread(hub.start)
        await member.listen()
        for name, pid in died.items():
            condition = partial(is_settled, hub, name, pid)
            await asyncio.to_thread(until, condition, timeout=20.0)
        await has_missed_nothing(member, 2 * AGENTS + 2 * len(died))
        await member.leave()

    asyncio.run(away())


@pytest.mark.parametrize("times", [1, pytest.param(12, marks=pytest.mark.full)])
def test_over_deaths_of_the_hub_in_the_midst_of_restarts(
    hub: HubProcess, member: Member, times: int
) -> None:
    chance = random.Random(5)

    async def away() -> None:
        await member.listen()
        names = await asyncio.to_thread(add_agents, hub, AGENTS)
        for _ in range(times):
            # Not waited for: the hub dies while it is at it.
            done = await asyncio.to_thread(hub.agents, "restart", *names)
            assert done.returncode == 0, done.stderr
            await asyncio.sleep(chance.uniform(0.0, 0.3))
            hub.kill9()
            await member.gone()
            await asyncio.to_thread(hub.start)
            await member.listen()
        await asyncio.to_thread(restart, hub, names)
        await has_missed_nothing(member, (2 + 3 * (times + 1)) * AGENTS)
        await member.leave()

    asyncio.run(away())
