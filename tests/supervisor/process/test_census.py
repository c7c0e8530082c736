"""The census: whose process is whose."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest

from agents.supervisor.process.census import (
    Census,
    ProcessId,
    TreeKey,
    has_executed,
    is_alive,
    look_at,
    which_live,
)
from tests.harness.processes import lives, program
from tests.harness.waiting import until
from tests.supervisor.process.conftest import Spawner


@pytest.fixture
def stranger() -> Iterator[ProcessId]:
    """A process of somebody else."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        found = look_at(process.pid)
        assert found is not None
        yield found.id
        process.kill()


def pids(census: Census, key: TreeKey) -> set[int]:
    return {process.pid for process in census.trees(census.take(), [key])[key.run_id]}


def test_a_process_is_read_from_proc() -> None:
    found = look_at(os.getpid())
    assert found is not None
    assert (found.pid, found.ppid) == (os.getpid(), os.getppid())
    assert (found.group, found.session) == (os.getpgrp(), os.getsid(0))
    assert found.state == "R"
    assert found.ticks > 0
    assert found.rss_pages > 0
    assert is_alive(found.id)


def test_a_name_with_brackets_and_spaces_does_not_confuse_the_reading() -> None:
    code = (
        "open('/proc/self/comm', 'w').write(') R 1 (x'); print(1, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-I", "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = look_at(process.pid)
        process.kill()
    assert found is not None
    assert found.ppid == os.getpid()


def test_another_start_time_is_another_process(stranger: ProcessId) -> None:
    assert is_alive(stranger)
    assert not is_alive(replace(stranger, ticks=stranger.ticks + 1))


def test_a_zombie_is_not_alive(spawner: Spawner) -> None:
    one = spawner("true")
    until(lambda: not is_alive(one.process.leader), what="the end")
    found = look_at(one.pid)
    assert found is not None
    assert found.state == "Z"
    assert one.pid not in Census().take()


def test_the_tree_has_session_and_group(spawner: Spawner) -> None:
    one = spawner.program("stubborn_child")
    one.wait_for("ready")
    tree = {one.pid, *one.noted("leader"), *one.noted("child")}
    assert len(tree) == 3
    assert pids(Census(), one.key) == tree


@pytest.mark.parametrize("mode", ["setsid_child", "daemon"])
def test_the_tree_has_what_left_the_session(spawner: Spawner, mode: str) -> None:
    one = spawner.program(mode)
    one.wait_for("ready")
    escaped = {*one.noted("child"), *one.noted("daemon")}
    assert len(escaped) == 1
    assert pids(Census(), one.key) == {one.pid, *one.noted("leader"), *escaped}


def test_the_tree_is_found_by_its_mark_alone(spawner: Spawner) -> None:
    """As after a hub that ended between the spawn and the writing of the pid."""
    one = spawner.program("daemon")
    one.wait_for("ready")
    nameless = TreeKey(one.run_id, None)
    assert pids(Census(), nameless) == pids(Census(), one.key)
    assert len(pids(Census(), nameless)) == 3


def test_what_lost_its_mark_is_known_by_its_parent(spawner: Spawner) -> None:
    lose = "import os, resource; resource.setrlimit(10, (7, 7)); os.setsid()"
    wait = "print('lost', os.getpid(), flush=True); import time; time.sleep(60)"
    child = f'{sys.executable} -c "{lose}; {wait}" & wait'
    one = spawner("sh", "-c", child)
    line = one.wait_for("lost")
    assert int(line.split()[1]) in pids(Census(), one.key)


def test_two_runs_are_told_apart_in_one_sweep(spawner: Spawner) -> None:
    both = [spawner.program("daemon"), spawner.program("setsid_child")]
    for one in both:
        one.wait_for("ready")
    census = Census()
    trees = census.trees(census.take(), [one.key for one in both])
    first, second = ({p.pid for p in trees[one.run_id]} for one in both)
    assert len(first) == len(second) == 3
    assert first.isdisjoint(second)


def test_a_pid_that_is_somebody_elses_by_now_is_nobodys_tree(
    stranger: ProcessId,
) -> None:
    stale = TreeKey(uuid.uuid4(), replace(stranger, ticks=stranger.ticks - 1))
    assert pids(Census(), stale) == set()


def test_the_taker_is_in_no_tree(spawner: Spawner) -> None:
    assert os.getpid() not in Census().take()


def test_an_ended_tree_is_empty(spawner: Spawner) -> None:
    one = spawner("true")
    one.exit_code()
    assert pids(Census(), one.key) == set()


def test_marks_of_the_dead_are_forgotten(spawner: Spawner) -> None:
    census = Census()
    one = spawner.program("daemon")
    one.wait_for("ready")
    [daemon] = one.noted("daemon")
    assert daemon in pids(census, one.key)
    assert daemon in {process.pid for process in census._marks}
    os.kill(daemon, 9)
    until(lambda: not lives(daemon), what="the daemon's end")
    census.take()
    assert daemon not in {process.pid for process in census._marks}


def test_executed_means_that_the_program_is_there(spawner: Spawner) -> None:
    one = spawner(*program("wait"))
    until(lambda: has_executed(one.pid), what="the program to be executed")
    one.wait_for("ready")


def test_without_a_child_nothing_was_executed(stranger: ProcessId) -> None:
    assert not has_executed(stranger.pid)


def test_which_live_tells_names(stranger: ProcessId) -> None:
    gone = replace(stranger, ticks=1)
    assert which_live({"here": stranger, "gone": gone}) == {"here"}
