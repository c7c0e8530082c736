"""The probe `exec`: exit codes, words, time limits, and nothing left behind."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from agents.policy.thresholds import Result
from agents.supervisor.hands import Hands
from agents.supervisor.health import exec as exec_
from agents.supervisor.health.target import Target
from agents.supervisor.process.limits import raise_file_limit, soft_file_limit
from tests.harness.health import pids_in
from tests.harness.processes import lives, program
from tests.harness.supervisor import descriptors
from tests.harness.waiting import until
from tests.supervisor.health.conftest import probe_of, run


def ask(target: Target, hands: Hands, *command: str, **keys: Any) -> Result:
    probe = probe_of("exec", command=list(command), **keys)
    return run(exec_.check(probe, target, 0, hands))


def test_exit_0_is_well_and_everything_else_is_not(
    target: Target, hands: Hands
) -> None:
    assert ask(target, hands, "true") == Result(True, "exited with 0")
    assert ask(target, hands, "sh", "-c", "exit 3") == Result(False, "exited with 3")
    killed = ask(target, hands, "sh", "-c", "kill -9 $$")
    assert killed == Result(False, "ended by signal KILL (exit code 137)")


def test_the_last_line_it_says_is_the_reason(target: Target, hands: Hands) -> None:
    code = "echo first; echo 'no \033[31mdatabase' >&2; exit 1"
    result = ask(target, hands, "sh", "-c", code)
    assert result == Result(False, "exited with 1: no \ufffd[31mdatabase")
    long = ask(target, hands, "sh", "-c", "printf '%0999d' 0")
    assert len(long.detail) < 250


def test_it_runs_with_the_agents_environment_in_its_directory(
    target: Target, hands: Hands, tmp_path: Path
) -> None:
    result = ask(target, hands, "sh", "-c", 'echo "$GREETING $AGENTHUB_AGENT $PWD"')
    assert result.detail == f"exited with 0: hello worker {tmp_path}"


def test_it_is_given_the_usual_limit_of_open_files(
    target: Target, hands: Hands
) -> None:
    raise_file_limit()
    result = ask(target, hands, "sh", "-c", "ulimit -S -n")
    assert result == Result(True, f"exited with 0: {soft_file_limit()}")


def test_a_command_that_cannot_be_run_says_why(target: Target, hands: Hands) -> None:
    result = ask(target, hands, "/no/such/program")
    assert result == Result(False, "program not found: /no/such/program")


def test_overdue_it_is_ended_with_all_that_it_started(
    target: Target, hands: Hands, tmp_path: Path
) -> None:
    """Also what left its session, and what left it with an empty environment."""
    marker = tmp_path / "marker"
    for mode in ("wait", "stubborn_child", "setsid_child", "daemon"):
        marker.unlink(missing_ok=True)
        begun = time.monotonic()
        command = ["env", f"MARKER={marker}", *program(mode)]
        result = ask(target, hands, *command, timeout=1.0)
        assert not result.ok
        assert result.detail.startswith("took more than 1 s and was ended: ready")
        assert time.monotonic() - begun < 5
        pids = pids_in(marker)
        assert len(pids) == 1 + (mode != "wait"), mode
        assert not any(map(lives, pids)), mode


def test_what_it_leaves_behind_in_time_is_ended_too(
    target: Target, hands: Hands, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    command = ["env", f"MARKER={marker}", *program("leave_daemon", "0")]
    assert ask(target, hands, *command).ok
    pids = pids_in(marker)
    assert len(pids) == 2
    assert not any(map(lives, pids))


def test_a_flood_of_words_neither_fills_memory_nor_blocks_for_ever(
    target: Target, hands: Hands
) -> None:
    result = ask(target, hands, "sh", "-c", "yes flood", timeout=1.0)
    assert result == Result(False, "took more than 1 s and was ended: flood")


def test_a_program_that_keeps_its_output_open_is_not_waited_for(
    target: Target, hands: Hands
) -> None:
    begun = time.monotonic()
    assert ask(target, hands, "sh", "-c", "sleep 60 & echo done").ok
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("after", [0.0, 0.002, 0.02, 0.2])
def test_cancelled_at_any_moment_it_leaves_nothing(
    target: Target, hands: Hands, tmp_path: Path, after: float
) -> None:
    marker = tmp_path / "marker"
    before = descriptors()

    async def cancel() -> None:
        command = ["env", f"MARKER={marker}", *program("setsid_child")]
        probe = probe_of("exec", command=command, timeout=30.0)
        task = asyncio.create_task(exec_.check(probe, target, 0, hands))
        await asyncio.sleep(after)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(cancel())
    assert not any(map(lives, pids_in(marker)))
    until(lambda: descriptors() <= before, what="the descriptors to be given back")


def test_a_hundred_probes_leave_no_descriptor(target: Target, hands: Hands) -> None:
    ask(target, hands, "true")
    before = descriptors()
    for _ in range(100):
        assert ask(target, hands, "true").ok
    assert descriptors() <= before
