"""Processes as the kernel shows them: who is there, what they cost, and their end."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path


def naming(text: str, *files: str) -> set[int]:
    """Living processes that have this text in their command line, or in these files."""
    wanted, found = text.encode(), set()
    for folder in Path("/proc").glob("[0-9]*"):
        for name in files or ("cmdline",):
            with contextlib.suppress(OSError):
                if wanted in (folder / name).read_bytes():
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


def lives(pid: int) -> bool:
    """Whether it is there and no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat[stat.rindex(")") + 2] not in "ZX"


def kill(pid: int) -> None:
    """KILL, unless it is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def belonging(directory: Path) -> set[int]:
    """Who names it in its command line or its environment."""
    return naming(str(directory), "cmdline", "environ")


def sweep(directory: Path, seconds: float = 10.0) -> None:
    """End every process that belongs there, also what those start meanwhile."""
    until = time.monotonic() + seconds
    while left := belonging(directory):
        for pid in left:
            kill(pid)
        if time.monotonic() > until:
            raise TimeoutError(f"These processes cannot be ended: {sorted(left)}")
        time.sleep(0.02)
