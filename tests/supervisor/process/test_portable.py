"""The sweep by psutil, called directly: it sees what the one by /proc sees."""

from __future__ import annotations

import os
from pathlib import Path

from agents.supervisor.process import census, portable
from tests.harness.waiting import until
from tests.supervisor.process.conftest import Spawner


def test_it_sees_the_same_processes_with_the_same_figures(spawner: Spawner) -> None:
    spawned = spawner.program("setsid_child")
    [child] = until(lambda: spawned.noted("child"), what="the child")
    seen, known = portable.sweep(), census.sweep()
    assert os.getpid() not in seen
    for pid in (spawned.pid, child):
        ours, theirs = seen[pid], known[pid]
        for name in ("pid", "ppid", "group", "session"):
            assert getattr(ours, name) == getattr(theirs, name), name
        assert abs(ours.rss_pages - theirs.rss_pages) < 500
        assert abs(ours.cpu_ticks - theirs.cpu_ticks) < 50


def test_open_files_are_counted_alike(tmp_path: Path) -> None:
    own = os.getpid()
    before = (portable.open_files(own), census.open_files(own))
    with (tmp_path / "one").open("w"), (tmp_path / "two").open("w"):
        after = (portable.open_files(own), census.open_files(own))
    assert [b - a for a, b in zip(before, after, strict=True)] == [2, 2]
    assert portable.open_files(2**22 + 1) == census.open_files(2**22 + 1) == 0
