"""A long output beside the same into a plain file, and the tails of short lives."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench import processes
from bench.agents import Agent
from bench.child import BLOCK
from bench.figures import Figure, median
from bench.fleet import Fleet, Plan

LONG: Final = 200 * 2**20
SHORT: Final = 2**20
WRITERS: Final = 20
ROUNDS: Final = 6
PATIENCE: Final = 60.0
SPEED: Final = "200 MiB, speed"
SHARE: Final = "200 MiB, speed as a share of a plain file's"
CPU: Final = "200 MiB, CPU of the supervisor"
LOST: Final = "200 MiB, lost"
TAILS: Final = f"{WRITERS} that write 1 MiB and exit at once, lost"
PLAIN: Final = "plain"
# Who copies through a pipe may need a while after the writer is done.
DRAIN: Final = 3.0


def measure(plan: Plan, who: str) -> Iterator[Figure]:
    """Both, of one contestant."""
    yield from _one_long(plan, who)
    yield from _many_short(plan, who)


def _one_long(plan: Plan, who: str) -> Iterator[Figure]:
    agent, plain = Agent(0, "write", LONG), Agent(1, "write", LONG)
    rounds = 1 if plan.brief else ROUNDS
    own: list[float] = []
    other: list[float] = []
    cpu = []
    with plan.fleet(who, [agent]) as fleet, _plain(fleet, plan, plain):
        path = fleet.contestant.output(agent)
        pids = fleet.own_processes()
        for number in range(1, rounds + 1):
            # The one right after the other, and each first as often as second.
            _flush(path, fleet.directory / PLAIN)
            if number % 2:
                other.append(_write(fleet, plain))
            before = processes.cpu_seconds(pids)
            own.append(_write(fleet, agent))
            _drain(path, number * LONG)
            cpu.append(processes.cpu_seconds(pids) - before)
            if not number % 2:
                other.append(_write(fleet, plain))
        lost = rounds * LONG - path.stat().st_size + _wrong(path)
    speeds = [slow / fast for fast, slow in zip(own, other, strict=True)]
    megabytes = LONG / 1e6
    yield median(SPEED, 1, who, [megabytes / s for s in own], "MB/s")
    yield median(SHARE, 1, who, speeds, "of 1")
    yield median(CPU, 1, who, cpu, "s")
    yield Figure(LOST, 1, who, lost, "bytes")


@contextlib.contextmanager
def _plain(fleet: Fleet, plan: Plan, agent: Agent) -> Iterator[None]:
    """The same program with nobody but the kernel behind it."""
    argv = agent.argv(plan.built.child, str(fleet.births.path))
    mark = fleet.births.mark()
    with (fleet.directory / PLAIN).open("ab") as file:
        writer = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=file)
    try:
        fleet.births.wait(mark, {agent.index}, PATIENCE)
        yield
    finally:
        writer.kill()
        writer.wait()


def _write(fleet: Fleet, agent: Agent) -> float:
    """Let it write once; the seconds it took."""
    pid = fleet.births.pids()[agent.index]
    mark, start = fleet.births.mark(), time.monotonic()
    os.kill(pid, signal.SIGUSR1)
    return fleet.births.wait(mark, {agent.index}, PATIENCE, done=True) - start


def _flush(*paths: Path) -> None:
    """Put on the disk what was written before, so that no round pays for another."""
    for path in paths:
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            os.fsync(file.fileno())


def _drain(path: Path, size: int) -> None:
    """Wait until all has arrived, or nothing more does."""
    until = time.monotonic() + DRAIN
    while time.monotonic() < until:
        if path.exists() and path.stat().st_size >= size:
            return
        time.sleep(0.01)


def _wrong(path: Path) -> int:
    """Bytes that are not what was written there; holes are kept-output's bound."""
    wrong, offset = 0, 0
    with path.open("rb") as file:
        end = os.fstat(file.fileno()).st_size
        while offset < end:
            with contextlib.suppress(OSError):
                offset = os.lseek(file.fileno(), offset, os.SEEK_DATA)
            # A hole may end within a block.
            start = offset % len(BLOCK)
            file.seek(offset)
            expected = BLOCK[start:]
            found = file.read(len(expected))
            if not found:
                break
            if found != expected[: len(found)]:
                pairs = zip(found, expected, strict=False)
                wrong += sum(one != other for one, other in pairs)
            offset += len(found)
    return wrong


def _many_short(plan: Plan, who: str) -> Iterator[Figure]:
    agents = [Agent(index, "burst", SHORT, restart=False) for index in range(WRITERS)]
    with plan.fleet(who, agents) as fleet:
        paths = [fleet.contestant.output(agent) for agent in agents]
        pids, mark = fleet.births.pids(), fleet.births.mark()
        for pid in pids.values():
            os.kill(pid, signal.SIGUSR1)
        fleet.births.wait(mark, set(pids), PATIENCE, done=True)
        for path in paths:
            _drain(path, SHORT)
        lost = sum(SHORT - p.stat().st_size if p.exists() else SHORT for p in paths)
    yield Figure(TAILS, WRITERS, who, lost, "bytes")
