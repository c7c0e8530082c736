"""Reaping: who ended, with which code, and the orphans that came to us."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agents.supervisor.process import exit_file, reaping
from tests.harness.processes import be_subreaper, state_of
from tests.harness.waiting import until
from tests.supervisor.process.conftest import Spawned, Spawner


@pytest.fixture
def subreaper() -> Iterator[None]:
    assert reaping.become_subreaper()
    yield
    be_subreaper(False)


def test_who_lives_has_not_ended(spawner: Spawner) -> None:
    one = spawner.program("wait")
    assert reaping.reap(one.process.leader, one.folder) is None


@pytest.mark.parametrize(
    ("line", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143)]
)
def test_our_own_child_is_asked_for_its_code(
    spawner: Spawner, line: str, code: int
) -> None:
    one = spawner("sh", "-c", line)
    ended = until(lambda: reaping.reap(one.process.leader, one.folder), what="the end")
    assert ended.code == code
    assert state_of(one.pid) == ""


def test_a_shim_that_was_killed_is_128_and_its_signal(spawner: Spawner) -> None:
    one = spawner.program("wait")
    os.kill(one.pid, signal.SIGKILL)
    ended = until(lambda: reaping.reap(one.process.leader, one.folder), what="the end")
    assert ended.code == 137


def test_whom_somebody_else_reaped_has_left_a_file(spawner: Spawner) -> None:
    one = spawner("sh", "-c", "exit 7")
    one.exit_code()
    ended = reaping.reap(one.process.leader, one.folder)
    assert ended is not None
    assert ended.code == 7
    written = (one.folder / "exit").stat().st_mtime
    assert ended.at.timestamp() == pytest.approx(written)


def test_who_left_no_file_has_an_unknown_code(tmp_path: Path) -> None:
    exit_file.prepare(tmp_path / "exit")
    assert reaping.last_words(tmp_path).code is None
    assert reaping.last_words(tmp_path / "missing").code is None


@pytest.mark.parametrize("text", [b"", b"...\n", b"7\n", b"00", b"abc\n", b"0071\n"])
def test_half_a_file_is_no_code(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "exit").write_bytes(text)
    assert exit_file.read(tmp_path / "exit") is None


def test_another_process_of_that_number_does_not_count_as_the_leader(
    spawner: Spawner,
) -> None:
    """The pid was given to a child of ours that is somebody else's to reap."""
    one = spawner("sh", "-c", "exit 7")
    one.exit_code()
    with subprocess.Popen(["true"]) as other:
        until(lambda: state_of(other.pid) == "Z", what="the other's end")
        stale = replace(one.process.leader, pid=other.pid, ticks=1)
        ended = reaping.reap(stale, one.folder)
        assert ended is not None
        assert ended.code == 7
        assert state_of(other.pid) == "Z", "the other was reaped"


def test_orphans_come_to_us_and_are_reaped(subreaper: None, spawner: Spawner) -> None:
    one = spawner.program("leave_daemon", "0")
    assert one.exit_code() == 0
    [daemon] = one.noted("daemon")
    assert reaping.reap_orphans([]) == {daemon}
    os.kill(daemon, signal.SIGKILL)
    until(lambda: state_of(daemon) == "Z", what="the daemon's end")
    assert reaping.reap_orphans([]) == set()
    assert state_of(daemon) == ""


def test_leaders_are_left_to_be_asked_for_their_code(spawner: Spawner) -> None:
    one = spawner("sh", "-c", "exit 7")
    until(lambda: state_of(one.pid) == "Z", what="the end")
    reaping.reap_orphans([one.pid])
    assert one.exit_code() == 7


def test_children_that_wear_no_mark_are_somebody_elses() -> None:
    with subprocess.Popen(["sh", "-c", "exit 5"]) as process:
        until(lambda: state_of(process.pid) == "Z", what="the end")
        assert process.pid in reaping.adopted_children()
        reaping.reap_orphans([])
        assert process.wait() == 5


def test_what_another_thread_spawns_is_no_orphan_but_what_it_leaves_is(
    subreaper: None, spawner: Spawner
) -> None:
    """The spawning thread keeps its own children; the kernel gives us theirs."""
    over = threading.Event()
    spawned: list[Spawned] = []

    def spawn() -> None:
        spawned.append(spawner.program("leave_daemon", "0"))
        spawned.append(spawner.program("wait"))
        over.wait(10)

    thread = threading.Thread(target=spawn)
    thread.start()
    try:
        until(lambda: len(spawned) == 2, what="the spawns")
        leaving, waiting = spawned
        until(lambda: state_of(leaving.pid) == "Z", what="the end")
        [daemon] = leaving.noted("daemon")
        assert reaping.reap_orphans([]) == {daemon}
        assert leaving.exit_code() == 0, "its status was left to be asked for"
        assert waiting.pid not in reaping.adopted_children()
    finally:
        over.set()
        thread.join()
    # And when the kernel's thread is gone, its children are the main thread's.
    until(lambda: waiting.pid in reaping.adopted_children(), what="the thread's end")
