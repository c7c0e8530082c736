"""Hubs come and go: what an earlier one left is found, watched and told truly."""

from __future__ import annotations

import os
import signal
import subprocess
import uuid
from pathlib import Path

import pytest
from django.utils import timezone

from agents.adapters.launch import Launch
from agents.models import Agent, Run, StatusChange
from agents.policy.clock import boot_id, boot_seconds
from agents.policy.states import Action, Status
from agents.services.recording import Observed, RunOpened, Step, record
from agents.supervisor.process import spawn
from agents.supervisor.process.census import look_at
from tests.harness.processes import lives, marked, program
from tests.harness.supervisor import Actor, Cast, Supervisor
from tests.harness.waiting import until


def begin_run(agent: Actor, **values: object) -> Run:
    """Write what a supervisor writes before it spawns, and spawn nothing."""
    asked = agent.ask(Action.START)
    row = agent.look()
    now, run_id = timezone.now(), uuid.uuid4()
    opened = RunOpened(
        id=run_id,
        agent_id=row.pk,
        agent_name=row.name,
        number=1,
        generation=asked.generation,
        restart_number=0,
        revision=1,
        setup={},
        boot=boot_id(),
        created_at=now,
    )
    after = Observed(
        Status.STARTING,
        now,
        "start asked by the test",
        "request",
        run_id=run_id,
        started_at=now,
    )
    record([Step(row.pk, row.name, Status(row.status), after, opened=opened)])
    Run.objects.filter(pk=run_id).update(**values)
    return Run.objects.get(pk=run_id)


def spawn_for(run: Run, agent: Actor, data: Path, argv: list[str]) -> spawn.Spawned:
    """What a supervisor spawns for that row."""
    env = {"MARKER": str(agent.marker), "PATH": os.environ["PATH"]}
    launch = Launch(argv=tuple(argv), cwd="/", env=env)
    spawn.lay_out(data / "runs" / run.folder, launch.stdin)
    spawned = spawn.spawn(launch, data / "runs" / run.folder, run.id)
    os.close(spawned.pidfd)
    return spawned


def test_a_hub_that_comes_back_finds_its_agents_as_they_were(
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


def test_an_exit_while_nobody_looked_is_recorded_with_its_code(
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


def test_an_exit_nobody_saw_at_all_has_an_unknown_code(
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


def test_an_exit_while_nobody_looked_is_restarted_by_the_policy(
    supervisor: Supervisor, cast: Cast, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    code = (
        f"echo leader $$ >> $MARKER; while [ ! -e {go} ]; do sleep 0.02; done; exit 3"
    )
    agent = cast.command(["/bin/sh", "-c", code], name="once", max_restarts=1).start()
    supervisor.close()
    go.touch()
    until(lambda: not agent.alive(), what="the program's end")
    supervisor.start()
    row = agent.wait_for(Status.CRASHED)
    assert len(agent.noted()) == 2
    assert row.restart_count == 1


def test_restart_counts_and_a_pending_retry_outlive_the_hub(
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


def test_adoption_changes_no_count(supervisor: Supervisor, cast: Cast) -> None:
    agent = cast("wait").start_ready()
    os.kill(agent.noted()[0], signal.SIGKILL)
    agent.wait_until(lambda r: r.restart_count == 1 and r.status == Status.RUNNING)
    supervisor.close()
    supervisor.start()
    row = agent.look()
    assert (row.status, row.restart_count, row.restarts_total) == ("running", 1, 1)


def test_a_stop_that_was_under_way_is_finished(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = cast("stubborn", stop_grace=1.5).start_ready()
    asked = agent.ask(Action.STOP)
    agent.wait_for(Status.STOPPING)
    supervisor.close()
    assert agent.alive()
    supervisor.start()
    assert agent.settled(asked).outcome == "done"
    assert agent.look().status == Status.STOPPED
    assert agent.alive() == []


def test_a_signal_that_was_written_down_but_not_sent_is_sent_after_all(
    supervisor: Supervisor, cast: Cast
) -> None:
    """A hub may end between the two: the program is asked before it is killed."""
    agent = cast("slow", "0", stop_grace=30).start_ready()
    supervisor.close()
    agent.ask(Action.STOP)
    Run.objects.filter(agent=agent.row).update(
        stop_rung="ask", stop_boot_seconds=boot_seconds()
    )
    Agent.objects.filter(pk=agent.row.pk).update(status=Status.STOPPING)
    supervisor.start()
    agent.wait_for(Status.STOPPED, timeout=5)
    assert len(agent.noted("asked")) == 1


def test_a_program_has_its_grace_even_if_the_hub_was_away_for_longer(
    supervisor: Supervisor, cast: Cast
) -> None:
    """Whether it was asked at all, the earlier hub could not say any more."""
    agent = cast("slow", "1", stop_grace=5).start_ready()
    supervisor.close()
    agent.ask(Action.STOP)
    Run.objects.filter(agent=agent.row).update(
        stop_rung="ask", stop_boot_seconds=boot_seconds() - 60
    )
    Agent.objects.filter(pk=agent.row.pk).update(status=Status.STOPPING)
    supervisor.start()
    agent.wait_for(Status.STOPPED, timeout=5)
    assert len(agent.noted("asked")) == 1
    assert agent.runs()[0].exit_code == 0


def test_a_kill_that_was_written_down_long_ago_still_leaves_an_exit_code(
    supervisor: Supervisor, cast: Cast
) -> None:
    """The shim has its time to write it from when KILL is sent, by whichever hub."""
    agent = cast("stubborn").start_ready()
    supervisor.close()
    agent.ask(Action.STOP)
    Run.objects.filter(agent=agent.row).update(
        stop_rung="kill", stop_boot_seconds=boot_seconds() - 60
    )
    Agent.objects.filter(pk=agent.row.pk).update(status=Status.STOPPING)
    supervisor.start()
    agent.wait_for(Status.STOPPED)
    # Not asked of the shim, which is this very process's child.
    assert (agent.folder() / "exit").read_text() == "137\n"
    assert not any("cannot be killed" in c.reason for c in agent.history())


def test_what_was_asked_while_no_hub_ran_is_done_by_the_next(
    idle: Supervisor, cast: Cast
) -> None:
    agent = cast("wait")
    asked = agent.ask(Action.START)
    idle.start()
    assert agent.settled(asked).outcome == "done"
    assert agent.look().status == Status.RUNNING


def test_a_run_that_was_written_but_never_spawned_is_healed(
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


def test_a_stop_asked_after_such_an_end_is_done(idle: Supervisor, cast: Cast) -> None:
    agent = cast("wait")
    begin_run(agent)
    asked = agent.ask(Action.STOP)
    idle.start()
    assert agent.settled(asked).outcome == "done"
    assert agent.look().status == Status.STOPPED
    assert agent.noted() == []


def test_a_program_whose_pid_was_never_written_is_found_by_its_mark(
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


def test_what_such_a_program_left_behind_is_ended(
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


def test_survivors_found_at_the_start_are_asked_before_they_are_killed(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = cast("shy_child", auto_restart="never", stop_grace=30).start_ready()
    leader = agent.look().pid or 0
    supervisor.close()
    os.killpg(leader, signal.SIGKILL)
    os.waitpid(leader, 0)
    supervisor.start()
    agent.wait_for(Status.CRASHED, timeout=5)
    assert agent.noted("asked") == agent.noted("child")


@pytest.mark.parametrize("desired", [Action.START, Action.STOP])
def test_a_pid_that_is_somebody_elses_by_now_is_never_touched(
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


def test_a_run_of_another_boot_is_closed_and_is_no_crash(
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


def test_a_retry_of_another_boot_is_due_at_once(idle: Supervisor, cast: Cast) -> None:
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


def test_a_crashed_and_a_completed_agent_stay_so(
    supervisor: Supervisor, cast: Cast
) -> None:
    crashed = cast("end", "1", auto_restart="never", name="crashed")
    completed = cast("end", "0", name="completed")
    for agent in (crashed, completed):
        agent.settled(agent.ask(Action.START))
    crashed.wait_for(Status.CRASHED)
    completed.wait_for(Status.STOPPED)
    supervisor.close()
    supervisor.start()
    witness = cast("wait", name="witness").start()
    assert witness.look().status == Status.RUNNING
    assert crashed.look().status == Status.CRASHED
    assert completed.look().status == Status.STOPPED
    assert len(crashed.noted()) == len(completed.noted()) == 1


def test_descendants_of_an_adopted_agent_belong_to_its_tree(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = cast("daemon").start_ready()
    supervisor.close()
    supervisor.start()
    agent.stop()
    assert agent.alive() == []
    assert marked([agent.runs()[0].id]) == {}


def test_nothing_is_written_about_what_did_not_change(
    supervisor: Supervisor, cast: Cast
) -> None:
    cast("wait")
    supervisor.close()
    before = StatusChange.objects.count()
    supervisor.start()
    assert StatusChange.objects.count() == before
