"""Processes as the kernel shows them: who is there, what they cost, and their end."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Collection, Iterable
from pathlib import Path


def naming(text: str) -> set[int]:
    """Living processes that have this text in their command line."""
    wanted, found = text.encode(), set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (folder / "cmdline").read_bytes():
                found.add(int(folder.name))
    return found - {os.getpid()}


def parents() -> dict[int, int]:
    """Every process that is there, with its parent."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            stat = (folder / "stat").read_text()
            found[int(folder.name)] = int(stat[stat.rindex(")") + 2 :].split()[1])
    return found


def with_descendants(pid: int) -> set[int]:
    """The process and all that descend from it."""
    family, above = {pid}, parents()
    while more := {one for one, parent in above.items() if parent in family} - family:
        family |= more
    return family


def cpu_seconds(pids: Iterable[int]) -> float:
    """What they have used so far, to the nanosecond; who is gone counts as 0."""
    total = 0.0
    for pid in pids:
        # How clock_getcpuclockid(3) names the CPU clock of another process.
        with contextlib.suppress(OSError):
            total += time.clock_gettime((~pid << 3) | 2)
    return total


def pss_bytes(pids: Iterable[int]) -> int:
    """Proportional set size: a page that k processes share counts 1/k to each."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


def kill(pid: int) -> None:
    """KILL, unless it is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def sweep(text: str, seconds: float = 10.0) -> Collection[int]:
    """End every process that names this text, supervisors first; who was there."""
    met: set[int] = set()
    until = time.monotonic() + seconds
    while left := naming(text):
        met |= left
        for pid in sorted(left):
            kill(pid)
        if time.monotonic() > until:
            raise TimeoutError(f"These processes cannot be ended: {sorted(left)}")
        time.sleep(0.02)
    return met
