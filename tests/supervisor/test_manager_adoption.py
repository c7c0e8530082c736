"""Hubs come and go: what an earlier one left is found, watched and told truly."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from agents.models import Agent, Run, StatusChange
from agents.policy.clock import boot_seconds
from agents.policy.states import Action, Status
from tests.harness.interrupted import begin_run
from tests.harness.processes import marked
from tests.harness.supervisor import Cast, Supervisor
from tests.harness.waiting import until


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


def test_a_stop_asked_after_such_an_end_is_done(idle: Supervisor, cast: Cast) -> None:
    agent = cast("wait")
    begin_run(agent)
    asked = agent.ask(Action.STOP)
    idle.start()
    assert agent.settled(asked).outcome == "done"
    assert agent.look().status == Status.STOPPED
    assert agent.noted() == []


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
