"""Which processes a sweep of the sampler reads, on real ones."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from agents.supervisor.process.census import Process, look_at
from agents.supervisor.process.sieve import FULL_EVERY, Sieve
from tests.harness.waiting import until


class Eyes:
    """Reads processes as ever, and notes whose."""

    def __init__(self) -> None:
        self.read: list[int] = []

    def __call__(self, pid: int) -> Process | None:
        self.read.append(pid)
        return look_at(pid)

    def of(self, sieve: Sieve) -> tuple[set[int], dict[int, Process]]:
        """Whom one call reads, and what it answers."""
        self.read.clear()
        found = sieve()
        return set(self.read), found


@pytest.fixture
def busy() -> Iterator[int]:
    """The pid of a process that uses the processor."""
    loop = "while True: pass"
    with subprocess.Popen([sys.executable, "-c", loop]) as process:
        yield process.pid
        process.kill()


def test_the_first_sweep_reads_everybody_but_the_caller(busy: int) -> None:
    eyes = Eyes()
    read, found = eyes.of(Sieve(eyes))
    assert {busy, os.getppid()} <= read
    assert busy in found
    assert os.getpid() not in read


def test_a_stranger_is_read_once_and_again_by_each_full_sweep(busy: int) -> None:
    eyes = Eyes()
    sieve = Sieve(eyes)
    _, first = eyes.of(sieve)
    for _ in range(FULL_EVERY - 1):
        read, found = eyes.of(sieve)
        assert busy not in read
        assert found[busy] == first[busy]
    read, _ = eyes.of(sieve)
    assert busy in read


def test_ours_are_read_each_time(busy: int) -> None:
    sieve = Sieve()
    before = sieve()[busy].cpu_ticks
    sieve.ours([busy])
    until(lambda: sieve()[busy].cpu_ticks > before, what="its use of the processor")


def test_a_new_process_is_read_at_once_and_a_gone_one_is_gone() -> None:
    sieve = Sieve()
    sieve()
    with subprocess.Popen(["sleep", "60"]) as process:
        assert process.pid in sieve()
        process.kill()
    assert process.pid not in sieve()
