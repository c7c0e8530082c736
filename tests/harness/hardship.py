"""Hardship made for real: a locked database, no descriptors left, a full disk."""

from __future__ import annotations

import contextlib
import os
import resource
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection

from tests.harness.processes import run_python
from tests.harness.waiting import until

NO_MOUNT = "A full disk was not tested: making a small one takes root (mount -t tmpfs)."


@contextmanager
def locked_database(seconds: float) -> Iterator[None]:
    """Another process writes and does not end, for so long."""
    code = (
        "import sqlite3, time\n"
        f"db = sqlite3.connect({str(connection.settings_dict['NAME'])!r})\n"
        "db.execute('BEGIN IMMEDIATE')\n"
        f"time.sleep({seconds})\n"
        "db.rollback()\n"
    )
    holder = threading.Thread(target=run_python, args=(code,))
    holder.start()
    until(is_locked, what="the lock")
    yield
    holder.join()


@contextmanager
def little_patience() -> Iterator[None]:
    """This process's own connection gives up on a lock after 0.2 s, not 20."""
    options = connection.settings_dict["OPTIONS"]
    before = options["timeout"]
    options["timeout"] = 0.2
    connection.close()
    try:
        yield
    finally:
        options["timeout"] = before
        connection.close()


def is_locked() -> bool:
    database = sqlite3.connect(str(connection.settings_dict["NAME"]), timeout=0)
    try:
        database.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return True
    finally:
        database.close()
    return False


@contextmanager
def no_descriptors() -> Iterator[None]:
    """Every descriptor that this process may have is in use."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(int(name) for name in os.listdir("/proc/self/fd"))
    taken = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 1, before[1]))
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(1))
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@contextmanager
def small_disk(place: Path, megabytes: int, names: int = 10_000) -> Iterator[Path]:
    """A file system of so many MiB and files; skips the test where none can be had."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    size = f"size={megabytes}m,nr_inodes={names},mode=700"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"{NO_MOUNT} {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path) -> Path:
    """A file that takes every byte that is left; remove it to have room again."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 65536)
    with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x")
    return ballast
