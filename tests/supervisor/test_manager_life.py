"""Start, stop, restart, kill; completing; and what a request's outcome says."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.policy.states import Action, Status
from agents.services import setups
from agents.supervisor import life
from tests.harness.processes import lives
from tests.harness.supervisor import Cast, Supervisor
from tests.harness.waiting import until

pytestmark = pytest.mark.usefixtures("supervisor")


def test_a_started_agent_runs_and_a_stopped_one_is_gone(cast: Cast) -> None:
    agent = cast("wait")
    asked = agent.ask(Action.START, actor="vera")
    row = agent.wait_for(Status.RUNNING)
    assert row.pid is not None
    assert lives(row.pid)
    assert agent.settled(asked).outcome == "done"
    until(lambda: "ready" in agent.output(), what="output")
    agent.stop()
    assert agent.alive() == []
    assert not lives(row.pid)
    assert agent.path() == ["starting", "running", "stopping", "stopped"]
    assert agent.history()[0].actor == "vera"
    assert "start asked by vera" in agent.history()[0].reason
    [run] = agent.runs()
    assert (run.exit_code, run.number, run.restart_number) == (143, 1, 0)
    assert run.ended_at is not None
    assert agent.look().pid is None
    assert (agent.row.restart_count, agent.row.restarts_total) == (0, 0)


def test_a_start_that_joins_one_being_made_shares_its_outcome(
    cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "PROVING", 60.0)
    over = tmp_path / "over"
    agent = cast("end_when", str(over), "0").start()
    asked = agent.ask(Action.START)
    generation = asked.generation
    agent.wait_until(lambda row: row.observed_generation == generation)
    over.touch()
    joined = agent.settled(asked)
    assert joined.outcome == "done"
    assert joined.detail == "completed: exited with 0"
    assert len(agent.noted()) == 1


def test_always_means_also_after_0(cast: Cast) -> None:
    agent = cast("end", "0", auto_restart="always", max_restarts=2)
    agent.ask(Action.START)
    row = agent.wait_for(Status.CRASHED)
    assert len(agent.noted()) == 3
    assert row.status_reason == "exited with 0; gave up after 2 restarts within 600 s"


def test_never_means_that_a_failure_is_a_crash(cast: Cast) -> None:
    agent = cast("end", "9", auto_restart="never")
    asked = agent.ask(Action.START)
    row = agent.wait_for(Status.CRASHED)
    assert row.status_reason == "exited with 9; automatic restart is off"
    assert agent.settled(asked).outcome == "failed"
    assert len(agent.noted()) == 1


def test_a_restart_ends_the_old_run_before_the_new_one_begins(cast: Cast) -> None:
    agent = cast("wait", name="restarted")
    agent.start()
    asked = agent.ask(Action.RESTART, actor="bob")
    assert agent.settled(asked).outcome == "done"
    first, second = agent.runs()
    assert len(agent.noted()) == 2
    assert agent.alive() == [agent.noted()[1]]
    assert first.ended_at is not None
    assert second.started_at is not None
    assert first.ended_at <= second.started_at
    assert second.restart_number == 0
    assert agent.look().restarts_total == 0
    assert agent.path()[-3:] == ["stopping", "starting", "running"]


def test_a_restart_of_a_stopped_agent_starts_it(cast: Cast) -> None:
    agent = cast("wait")
    asked = agent.ask(Action.RESTART)
    assert agent.settled(asked).outcome == "done"
    assert agent.look().status == Status.RUNNING


def test_kill_asks_nobody(cast: Cast) -> None:
    agent = cast("shy_child", stop_grace=30).start_ready()
    asked = agent.ask(Action.KILL)
    agent.wait_for(Status.STOPPED, timeout=3)
    assert agent.settled(asked).outcome == "done"
    assert agent.noted("asked") == []
    assert agent.alive() == []
    assert agent.runs()[0].exit_code == 137
    assert agent.row.desired_state == "stopped"


def test_a_kill_during_a_slow_stop_does_not_wait_for_the_grace(cast: Cast) -> None:
    agent = cast("stubborn", stop_grace=60).start_ready()
    agent.ask(Action.STOP)
    agent.wait_for(Status.STOPPING)
    asked = agent.ask(Action.KILL)
    agent.wait_for(Status.STOPPED, timeout=3)
    assert agent.settled(asked).outcome == "done"
    assert agent.alive() == []


def test_asking_for_what_is_so_is_done_at_once(cast: Cast) -> None:
    agent = cast("wait")
    assert agent.settled(agent.ask(Action.STOP)).outcome == "done"
    agent.start()
    run = agent.look().run_id
    assert agent.settled(agent.ask(Action.START)).outcome == "done"
    assert agent.look().run_id == run
    assert len(agent.noted()) == 1


def test_a_stop_of_a_crashed_agent_makes_it_stopped(cast: Cast) -> None:
    agent = cast("end", "1", auto_restart="never")
    agent.ask(Action.START)
    agent.wait_for(Status.CRASHED)
    agent.stop()
    assert agent.path()[-2:] == ["crashed", "stopped"]


def test_a_changed_set_up_restarts_nothing_and_the_run_keeps_its_own(
    cast: Cast,
) -> None:
    agent = cast("wait", env={"MARKER": "", "API_KEY": "sesame", "LEVEL": "1"})
    agent.ask(Action.START)
    before = agent.wait_for(Status.RUNNING)
    pid = before.pid
    before.env = {"API_KEY": "sesame", "LEVEL": "2"}
    before.stop_grace = 0.7
    setups.save(before)
    row = agent.look()
    assert (row.revision, row.run_revision) == (2, 1)
    # What comes next has seen the change: it is not a question of waiting.
    agent.settled(agent.ask(Action.START))
    assert agent.look().pid == pid
    [run] = agent.runs()
    assert run.revision == 1
    assert run.setup["env"]["LEVEL"] == "1"
    assert run.setup["stop_grace"] == 1.0
    assert "sesame" not in str(run.setup)
    agent.stop()
    agent.ask(Action.START)
    agent.wait_for(Status.RUNNING)
    assert agent.row.run_revision == 2
    assert agent.runs()[1].setup["env"]["LEVEL"] == "2"


def test_what_was_asked_of_many_at_once_is_done(
    cast: Cast, supervisor: Supervisor
) -> None:
    agents = [cast("wait", name=f"many-{n}") for n in range(40)]
    for agent in agents:
        agent.ask(Action.START)
    for agent in agents:
        agent.wait_for(Status.RUNNING)
    assert len(supervisor.on_loop(supervisor.manager.get_running_agents)) == 40
    for agent in agents:
        agent.ask(Action.STOP)
    for agent in agents:
        agent.wait_for(Status.STOPPED)
        assert agent.alive() == []


def test_an_agent_made_later_is_known_too(cast: Cast, supervisor: Supervisor) -> None:
    late = cast("wait", name="late").start()
    sight = supervisor.on_loop(lambda: supervisor.manager.get_agent_status(late.row.pk))
    assert sight is not None
    assert sight["status"] == "running"


def test_a_deleted_agent_is_forgotten(cast: Cast, supervisor: Supervisor) -> None:
    agent = cast("wait")
    agent.start()
    agent.stop()
    key = agent.row.pk
    setups.delete(agent.row)
    until(
        lambda: (
            supervisor.on_loop(lambda: supervisor.manager.get_agent_status(key)) is None
        ),
        what="the agent to be forgotten",
    )


def test_the_program_is_told_its_run_and_nothing_of_the_hubs(cast: Cast) -> None:
    agent = cast("inheritance").start_ready()
    assert f"run {agent.look().run_id}" in agent.output()
    assert "fds 0 1 2" in agent.output()
