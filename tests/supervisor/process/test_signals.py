"""Signals reach the run's own processes and never anybody else's."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest

from agents.supervisor.process import signals
from agents.supervisor.process.census import Process, look_at
from tests.harness.processes import lives, state_of
from tests.harness.waiting import until
from tests.supervisor.process.conftest import Spawner


@pytest.fixture
def stranger() -> Iterator[Process]:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        found = look_at(process.pid)
        assert found is not None
        yield found
        process.kill()


def test_the_right_process_is_signalled(stranger: Process) -> None:
    assert signals.send(stranger.id, signal.SIGKILL)
    until(lambda: not lives(stranger.pid), what="the end")


def test_the_same_number_with_another_start_time_is_left_alone(
    stranger: Process,
) -> None:
    reused = replace(stranger, ticks=stranger.ticks - 1)
    assert not signals.send(reused.id, signal.SIGKILL)
    assert not signals.send_to_group(reused.id, signal.SIGKILL)
    assert signals.send_to_each([reused], signal.SIGKILL) == 0
    assert lives(stranger.pid)


def test_what_is_gone_is_no_error(spawner: Spawner) -> None:
    one = spawner("true")
    one.exit_code()
    assert not signals.send(one.process.leader, signal.SIGTERM)
    assert not signals.send_to_group(one.process.leader, signal.SIGTERM)


def test_the_whole_group_hears(spawner: Spawner) -> None:
    one = spawner.program("stubborn_child")
    one.wait_for("ready")
    everybody = [one.pid, *one.noted("leader"), *one.noted("child")]
    assert signals.send_to_group(one.process.leader, signal.SIGKILL)
    assert one.exit_code() == 137
    until(lambda: not any(lives(pid) for pid in everybody), what="the end")


def test_a_group_is_not_signalled_by_the_number_of_a_dead_leader(
    spawner: Spawner,
) -> None:
    one = spawner.program("stubborn_child")
    one.wait_for("ready")
    os.kill(one.pid, signal.SIGKILL)
    one.exit_code()
    assert not signals.send_to_group(one.process.leader, signal.SIGKILL)
    assert lives(one.noted("child")[0])


def test_a_stopped_process_is_woken_to_hear_its_signal(spawner: Spawner) -> None:
    one = spawner.program("wait")
    one.wait_for("ready")
    [program] = one.noted("leader")
    os.kill(program, signal.SIGSTOP)
    until(lambda: state_of(program) == "T", what="the stop")
    assert signals.send_to_group(one.process.leader, signal.SIGTERM)
    assert one.exit_code() == 143
