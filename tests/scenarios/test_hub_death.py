"""Scenarios 20 to 22: the supervisor dies, and nothing is lost, doubled or mistaken."""

from __future__ import annotations

import os
import signal
import subprocess
import uuid
from pathlib import Path

import pytest
from django.utils import timezone

from agents.models import Agent
from agents.policy.clock import boot_seconds
from agents.policy.states import Action, Status
from agents.supervisor.process.census import look_at
from tests.harness.interrupted import begin_run, spawn_for
from tests.harness.processes import lives, program
from tests.harness.supervisor import Cast, Supervisor
from tests.harness.waiting import until


def test_20_a_supervisor_that_comes_back_adopts_the_same_processes(
    supervisor: Supervisor, cast: Cast
) -> None:
    agents = [cast("echo", name=f"echo-{n}").start() for n in range(5)]
    crashed = cast("end", "1", auto_restart="never")
    crashed.ask(Action.START)
    crashed.wait_for(Status.CRASHED)
    before = {agent.row.name: agent.look().pid for agent in agents}
    supervisor.close()
    supervisor.start()
    after = {agent.row.name: agent.look().pid for agent in agents}
    assert after == before
    for agent in agents:
        assert agent.look().status == Status.RUNNING
        assert len(agent.noted()) == 1
        [run] = agent.runs()
        assert run.adopted
        told = agent.history()[-1]
        assert (told.from_status, told.to_status) == ("running", "running")
        assert told.source == "adoption"
        assert f"found alive as pid {agent.row.pid}" in told.reason
        agent.stop()
        assert agent.alive() == []
    assert crashed.look().status == Status.CRASHED
    assert len(crashed.noted()) == 1


def test_20_an_exit_while_nobody_looked_is_recorded_with_its_code(
    supervisor: Supervisor, cast: Cast, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    agent = cast("end_when", str(go), "7", auto_restart="never").start()
    supervisor.close()
    go.touch()
    until(lambda: not agent.alive(), what="the program's end")
    written = until(
        lambda: (agent.folder() / "exit").read_text() == "007\n", what="the code"
    )
    assert written
    supervisor.start()
    row = agent.wait_for(Status.CRASHED)
    assert row.status_reason == "exited with 7; automatic restart is off"
    assert row.status_source == "exit file"
    [run] = agent.runs()
    assert run.exit_code == 7


def test_20_an_exit_that_nobody_could_see_is_called_unknown(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = cast("wait", auto_restart="never").start()
    leader = agent.look().pid or 0
    supervisor.close()
    os.killpg(leader, signal.SIGKILL)
    os.waitpid(leader, 0)
    supervisor.start()
    row = agent.wait_for(Status.CRASHED)
    assert row.status_reason.startswith("ended unseen, exit code unknown")
    assert agent.runs()[0].exit_code is None


def test_20_restart_counts_and_a_pending_retry_outlive_the_hub(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = cast("end", "1", backoff_initial=1.0, backoff_max=1.0, max_restarts=9)
    agent.ask(Action.START)
    first = agent.wait_for(Status.BACKOFF)
    due = first.retry_at
    supervisor.close()
    supervisor.start()
    row = agent.look()
    assert (row.status, row.retry_at) == ("backoff", due)
    agent.wait_until(lambda row: row.restart_count == 1)
    begun = agent.runs()[1].created_at
    assert due is not None
    assert -0.05 <= (begun - due).total_seconds() <= 0.5


@pytest.mark.parametrize("desired", [Action.START, Action.STOP])
def test_21_a_pid_that_is_somebody_elses_by_now_is_never_touched(
    idle: Supervisor, cast: Cast, desired: Action
) -> None:
    agent = cast("wait", auto_restart="never")
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger:
        found = look_at(stranger.pid)
        assert found is not None
        begin_run(agent, pid=stranger.pid, start_ticks=found.ticks - 1)
        if desired is Action.STOP:
            agent.ask(desired)
        idle.start()
        row = agent.wait_for(Status.CRASHED, Status.STOPPED)
        assert row.status == (
            Status.CRASHED if desired is Action.START else Status.STOPPED
        )
        assert agent.runs()[0].exit_code is None
        assert not any("adopted" in change.reason for change in agent.history())
        assert lives(stranger.pid)
        stranger.kill()
        assert stranger.wait() == -signal.SIGKILL, "somebody had reaped it"


def test_21_a_run_of_another_boot_is_closed_and_is_no_crash(
    idle: Supervisor, cast: Cast
) -> None:
    agent = cast("wait", max_restarts=0)
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger:
        found = look_at(stranger.pid)
        assert found is not None
        begin_run(
            agent,
            pid=stranger.pid,
            start_ticks=found.ticks,
            boot=str(uuid.uuid4()),
        )
        Agent.objects.filter(pk=agent.row.pk).update(
            status=Status.RUNNING, observed_generation=1
        )
        idle.start()
        agent.wait_until(lambda row: row.status == Status.RUNNING and row.pid)
        assert lives(stranger.pid)
        stranger.kill()
    first, second = agent.runs()
    assert first.reason == "the machine was restarted"
    assert first.exit_code is None
    assert second.ended_at is None
    assert agent.look().recent_exits[1:] == []


def test_21_a_retry_of_another_boot_is_due_at_once(
    idle: Supervisor, cast: Cast
) -> None:
    agent = cast("wait")
    agent.ask(Action.START)
    Agent.objects.filter(pk=agent.row.pk).update(
        status=Status.BACKOFF,
        observed_generation=1,
        retry_at=timezone.now(),
        retry_boot=str(uuid.uuid4()),
        retry_boot_seconds=boot_seconds() + 10_000,
    )
    idle.start()
    agent.wait_for(Status.RUNNING)


def test_22_a_run_that_was_written_but_never_spawned_is_healed(
    idle: Supervisor, cast: Cast
) -> None:
    agent = cast("wait")
    run = begin_run(agent)
    idle.start()
    agent.wait_for(Status.RUNNING)
    until(lambda: len(agent.noted()) == 1, what="the program")
    first, second = agent.runs()
    assert first.id == run.id
    assert first.ended_at is not None
    assert "before the program was spawned" in first.reason
    assert second.ended_at is None
    row = agent.look()
    assert (row.restart_count, row.restarts_total) == (0, 0)
    assert agent.settled(agent.asked[0]).outcome == "done"


def test_22_a_program_whose_pid_was_never_written_is_found_by_its_mark(
    idle: Supervisor, cast: Cast, data: Path
) -> None:
    agent = cast("wait")
    run = begin_run(agent)
    spawned = spawn_for(run, agent, data, program("wait"))
    until(lambda: "ready" in agent.output(), what="the program")
    idle.start()
    row = agent.wait_for(Status.RUNNING)
    assert row.pid == spawned.leader.pid
    [only] = agent.runs()
    assert (only.pid, only.start_ticks) == (row.pid, spawned.leader.ticks)
    assert len(agent.noted()) == 1


def test_22_what_such_a_program_left_behind_is_ended(
    idle: Supervisor, cast: Cast, data: Path
) -> None:
    """Its pid was never written, it has ended, and a daemon of it lives."""
    agent = cast("wait", auto_restart="never", stop_grace=0.5)
    run = begin_run(agent)
    spawned = spawn_for(run, agent, data, program("leave_daemon", "4"))
    os.waitpid(spawned.leader.pid, 0)
    [daemon] = agent.noted("daemon")
    assert lives(daemon)
    idle.start()
    row = agent.wait_for(Status.CRASHED, timeout=5)
    assert "exited with 4" in row.status_reason
    assert not lives(daemon)
