"""Somebody swaps directories and files for links all the time: nothing gets out."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agents.execution.tools.replacing import replace
from agents.execution.tools.tool import Refused
from agents.execution.tools.workspace import Workspace
from tests.execution.tools.conftest import contents

# A process, so that it truly runs beside the tool; 2 is RENAME_EXCHANGE.
SWAPPER = """
import ctypes, os, select, sys
rename, here = ctypes.CDLL(None).renameat2, -100
one, other = map(os.fsencode, sys.argv[1:])
count = 0
print("ready", flush=True)
while not select.select([0], [], [], 0)[0]:
    assert rename(here, one, here, other, 2) == 0
    count += 1
print(count)
"""


@contextmanager
def swapped_all_the_time(one: Path, other: Path) -> Iterator[None]:
    """Each takes the other's name, in one step, until the test is done."""
    argv = [sys.executable, "-ISc", SWAPPER, str(one), str(other)]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as swapper:
        assert swapper.stdout is not None
        assert swapper.stdin is not None
        assert swapper.stdout.readline() == "ready\n"
        yield
        swapper.stdin.close()
        assert int(swapper.stdout.readline()) > 50


def at_least_2000_times(seen: Counter[str]) -> Iterator[int]:
    """Again, until both sides of the race have been seen often; the test counts."""
    deadline, number = time.monotonic() + 30, 0
    while number < 2000 or min(seen["done"], seen["refused"]) < 50:
        assert time.monotonic() < deadline, f"only one side wins: {seen}"
        yield number
        number += 1


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of writes to a real disk would take long."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def place(workspace: Path, outside: Path) -> Path:
    """A directory of the workspace, and beside it a link to outside."""
    (outside / "deep").mkdir()
    (workspace / "link").symlink_to(outside)
    place = workspace / "place"
    (place / "deep").mkdir(parents=True)
    (place / "secret.txt").write_text("harmless\n")
    return place


def test_2000_writes_below_a_directory_that_becomes_a_link_stay_inside(
    workspace: Path, outside: Path, place: Path
) -> None:
    before, one, seen = contents(outside), Workspace(workspace), Counter[str]()
    with swapped_all_the_time(place, workspace / "link"):
        for number in at_least_2000_times(seen):
            below = ("place", ("deep", "new")[number % 2], f"file{number % 50}")
            try:
                replace(one, below, b"mine")
                seen["done"] += 1
            except (Refused, OSError):
                seen["refused"] += 1
    assert contents(outside) == before
    assert sorted(os.listdir(outside)) == ["deep", "secret.txt"]


def test_2000_writes_of_a_file_that_becomes_a_link_change_nothing_outside(
    workspace: Path, outside: Path
) -> None:
    (workspace / "link").symlink_to(outside / "secret.txt")
    file, spare = workspace / "file", workspace / "spare"
    file.write_text("first")
    before, one, seen = contents(outside), Workspace(workspace), Counter[str]()
    with swapped_all_the_time(file, workspace / "link"):
        for _ in at_least_2000_times(seen):
            try:
                replace(one, ("file",), b"mine")
                seen["done"] += 1
            except (Refused, OSError):
                seen["refused"] += 1
            # A write that takes a link's place leaves two of the same kind.
            links = [path.is_symlink() for path in (file, workspace / "link")]
            if not any(links):
                spare.symlink_to(outside / "secret.txt")
                spare.rename(workspace / "link")
            elif all(links):
                spare.write_text("again")
                spare.rename(file)
    assert contents(outside) == before


@pytest.mark.parametrize("what", ["directory", "file"])
def test_2000_reads_below_what_becomes_a_link_show_nothing_of_outside(
    workspace: Path, place: Path, outside: Path, what: str
) -> None:
    path, link = ("place", "secret.txt"), workspace / "link"
    if what == "file":
        link = place / "link"
        link.symlink_to(outside / "secret.txt")
    swapped = place if what == "directory" else place / "secret.txt"
    one, seen, read = Workspace(workspace), Counter[str](), set()
    with swapped_all_the_time(swapped, link):
        for _ in at_least_2000_times(seen):
            try:
                with one.file(path) as file:
                    read.add(file.read())
                seen["done"] += 1
            except (Refused, OSError):
                seen["refused"] += 1
    assert read == {b"harmless\n"}
