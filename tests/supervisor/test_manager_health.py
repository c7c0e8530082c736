"""Health: what probes and limits lead to, as conditions, notes and restarts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from agents.models import Agent, Change
from agents.policy.states import Action, Status
from agents.services import changes, heartbeats, setups
from agents.supervisor import sampler
from tests.harness.health import Quick, hurried
from tests.harness.supervisor import Actor, Cast, Supervisor
from tests.harness.waiting import until


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the fleet every 0.2 s, where a hub takes 2 s."""
    monkeypatch.setattr(sampler, "period", lambda _: 0.2)


@pytest.fixture(name="cast")
def quick(cast: Cast) -> Quick:
    """Agents whose probes are asked often."""
    return hurried(cast)


def while_there(path: Path, **keys: Any) -> dict[str, Any]:
    """A probe that passes while a file is there, and says something."""
    code = f"echo looked; test -e {path}"
    return {
        "name": "file",
        "type": "exec",
        "command": ["sh", "-c", code],
        "period": 1,
        "failures": 1,
        "start_grace": 0,
        **keys,
    }


def said(agent: Actor, source: str = "probe") -> list[str]:
    """The lines of the history from this source."""
    return [change.reason for change in agent.history() if change.source == source]


def state(agent: Actor) -> str:
    """The state of its first probe, as it is stored."""
    states = agent.look().probe_states
    return str(states[0]["state"]) if states else ""


def healthy(supervisor: Supervisor, agent: Actor) -> bool:
    return supervisor.call(supervisor.manager.monitor_agent_health())[agent.row.name]


# Notes


def test_a_failing_probe_is_a_condition_until_it_passes_again(
    cast: Quick, supervisor: Supervisor, tmp_path: Path
) -> None:
    good = tmp_path / "good"
    good.touch()
    agent = cast("wait", probes=[while_there(good)]).start_ready()
    until(lambda: state(agent) == "passing", what="it to pass")
    assert said(agent) == [], "that all is well is no news"
    assert healthy(supervisor, agent)
    good.unlink()
    [condition] = agent.wait_until(lambda row: row.conditions).conditions
    reason = "probe file (exec): exited with 1: looked"
    assert (condition["type"], condition["reason"]) == ("unhealthy", reason)
    assert not healthy(supervisor, agent)
    row = agent.wait_until(lambda row: state(agent) == "failing")
    first = row.probe_states[0]["at"]
    agent.wait_until(lambda row: row.probe_states[0]["at"] > first)
    assert (row.status, row.status_reason) == (
        Status.RUNNING,
        "the program was executed",
    )
    good.touch()
    agent.wait_until(lambda row: not row.conditions)
    assert said(agent) == [
        reason,
        "probe file (exec) passes again: exited with 0: looked",
    ]
    assert len(agent.noted()) == 1
    assert healthy(supervisor, agent)


def test_a_set_up_that_is_changed_is_followed_at_once(
    cast: Quick, supervisor: Supervisor, tmp_path: Path
) -> None:
    """And what was said of a probe that is gone does not stand for ever."""
    agent = cast("wait", probes=[while_there(tmp_path / "never")]).start_ready()
    agent.wait_until(lambda row: row.conditions)
    agent.row.probes = []
    setups.save(agent.row)
    agent.wait_until(lambda row: not row.conditions)
    assert said(agent)[-1] == "probe file (exec) is no longer in the set-up"
    assert healthy(supervisor, agent)
    (tmp_path / "there").touch()
    agent.row.probes = [while_there(tmp_path / "there", name="other")]
    setups.save(agent.row)
    agent.wait_until(
        lambda row: (
            [one["name"] for one in row.probe_states] == ["other"]
            and row.probe_states[0]["state"] == "passing"
        )
    )
    assert len(agent.noted()) == 1


# Restarts

POLITE = "trap 'exit 0' TERM; echo leader $$ >>$MARKER; sleep 60 & wait"


def test_a_restart_by_a_probe_is_a_failed_exit_like_any_other(
    cast: Quick, supervisor: Supervisor, tmp_path: Path
) -> None:
    """Also when the program, asked to end, ends with 0."""
    agent = cast(
        command=["sh", "-c", POLITE],
        name="polite",
        probes=[while_there(tmp_path / "never", action="restart")],
        max_restarts=1,
    ).start()
    row = agent.wait_for(Status.CRASHED, timeout=20)
    why = "probe file (exec): exited with 1: looked"
    assert row.status_reason == (
        f"{why}; exited with 0; gave up after 1 restart within 600 s"
    )
    assert (row.restart_count, row.conditions) == (1, [])
    assert [(run.condemned, run.exit_code) for run in agent.runs()] == [(why, 0)] * 2
    assert said(agent, "health") == [f"{why}; TERM sent, 1 s to end"] * 2
    assert said(agent, "exit status")[0].startswith(f"{why}; exited with 0; restart 1")


def test_with_never_it_ends_crashed_with_that_reason(
    cast: Quick, supervisor: Supervisor, tmp_path: Path
) -> None:
    probe = {
        "name": "web",
        "type": "http",
        "url": "http://127.0.0.1:1/",
        "period": 1,
        "failures": 2,
        "start_grace": 0,
        "action": "restart",
    }
    agent = cast("wait", auto_restart="never", probes=[probe]).start_ready()
    row = agent.wait_for(Status.CRASHED, timeout=20)
    assert row.status_reason == (
        "probe web (http): connection refused, 2 times in a row; "
        "ended by signal TERM (exit code 143); automatic restart is off"
    )
    assert row.restarts_total == 0


def test_a_hub_that_ends_in_the_middle_of_it_is_followed_by_one_that_knows_why(
    cast: Quick, supervisor: Supervisor, tmp_path: Path
) -> None:
    good = tmp_path / "good"
    good.touch()
    agent = cast(
        "stubborn",
        auto_restart="never",
        stop_grace=2.0,
        probes=[while_there(good, action="restart")],
    ).start_ready()
    good.unlink()
    agent.wait_for(Status.STOPPING)
    supervisor.close()
    assert agent.alive() != []
    [run] = agent.runs()
    assert run.condemned == "probe file (exec): exited with 1: looked"
    supervisor.start()
    row = agent.wait_for(Status.CRASHED)
    assert row.status_reason == (
        f"{run.condemned}; ended by signal KILL (exit code 137); "
        "automatic restart is off"
    )


def test_a_run_that_ended_while_no_hub_was_there_keeps_the_reason(
    cast: Quick, supervisor: Supervisor, tmp_path: Path
) -> None:
    good = tmp_path / "good"
    good.touch()
    agent = cast(
        "slow",
        "0.5",
        auto_restart="never",
        stop_grace=5.0,
        probes=[while_there(good, action="restart")],
    ).start_ready()
    good.unlink()
    until(lambda: agent.noted("asked"), what="it to be asked to end")
    supervisor.close()
    until(lambda: not agent.alive(), what="its end")
    supervisor.start()
    row = agent.wait_for(Status.CRASHED)
    assert row.status_reason.startswith("probe file (exec): exited with 1: looked; ")


def test_a_persons_stop_wins_over_a_restart_by_a_probe(
    cast: Quick, supervisor: Supervisor, tmp_path: Path
) -> None:
    good = tmp_path / "good"
    good.touch()
    agent = cast(
        "stubborn",
        stop_grace=2.0,
        probes=[while_there(good, action="restart")],
    ).start_ready()
    good.unlink()
    agent.wait_for(Status.STOPPING)
    asked = agent.ask(Action.STOP, actor="bob")
    assert agent.settled(asked).outcome == "done"
    row = agent.wait_for(Status.STOPPED)
    assert row.status_reason.startswith("stopped, as asked by bob")
    assert (row.restarts_total, len(agent.runs())) == (0, 1)


def test_above_its_memory_limit_an_agent_is_restarted(
    cast: Quick, supervisor: Supervisor, tmp_path: Path
) -> None:
    limit = 64 * 2**20
    go = tmp_path / "go"
    agent = cast("swell", "96", str(go), memory_limit=limit, auto_restart="never")
    agent.start_ready()
    agent.wait_until(lambda row: row.rss_bytes)
    assert agent.look().status == Status.RUNNING
    go.touch()
    row = agent.wait_for(Status.CRASHED)
    assert row.status_reason.startswith("memory: its processes use ")
    assert ", and its limit is 64 MB; ended by signal TERM" in row.status_reason
    [run] = agent.runs()
    assert run.condemned.startswith("memory: ")


# Readiness


def test_until_its_readiness_probe_passes_an_agent_is_starting(
    cast: Quick, supervisor: Supervisor, tmp_path: Path
) -> None:
    good = tmp_path / "good"
    agent = cast("wait", probes=[while_there(good, readiness=True, action="restart")])
    asked = agent.ask(Action.START)
    row = agent.wait_until(lambda row: state(agent) and row.probe_states[0]["at"])
    assert row.status == Status.STARTING
    assert row.status_reason.endswith("and is to get ready: probe file (exec)")
    assert not healthy(supervisor, agent)
    # A hub that is restarted meanwhile does not take it for ready.
    supervisor.close()
    supervisor.start()
    assert agent.look().status == Status.STARTING
    good.touch()
    row = agent.wait_for(Status.RUNNING)
    assert row.status_reason == "ready: probe file (exec) passed"
    assert agent.settled(asked).outcome == "done"
    assert agent.path() == ["starting", "running"]
    assert agent.runs()[0].ready_at is not None
    assert healthy(supervisor, agent)
    # Nor does one take it for not ready later, whatever the probe says then.
    supervisor.close()
    supervisor.start()
    assert agent.look().status == Status.RUNNING


@pytest.mark.parametrize("action", ["note", "restart"])
def test_what_never_gets_ready_has_a_time_limit_of_its_own(
    cast: Quick, supervisor: Supervisor, tmp_path: Path, action: str
) -> None:
    good = tmp_path / "good"
    probe = while_there(good, readiness=True, start_timeout=1, action=action)
    agent = cast("wait", max_restarts=0, probes=[probe])
    asked = agent.ask(Action.START)
    why = "probe file (exec): not ready after 1 s, exited with 1: looked"
    settled = agent.settled(asked)
    assert settled.outcome == "failed"
    assert settled.detail.startswith(why)
    if action == "restart":
        row = agent.wait_for(Status.CRASHED)
        assert row.status_reason.startswith(f"{why}; ended by signal TERM")
        return
    row = agent.look()
    assert row.status == Status.STARTING
    [condition] = row.conditions
    assert (condition["type"], condition["reason"]) == ("not_ready", why)
    assert said(agent) == [why]
    good.touch()
    row = agent.wait_for(Status.RUNNING)
    assert (row.conditions, len(agent.noted())) == ([], 1)


def test_an_agent_that_is_not_ready_yet_can_be_stopped(
    cast: Quick, supervisor: Supervisor, tmp_path: Path
) -> None:
    agent = cast("wait", probes=[while_there(tmp_path / "never", readiness=True)])
    agent.ask(Action.START)
    agent.wait_until(lambda row: "get ready" in row.status_reason)
    agent.stop()
    assert agent.alive() == []


# Signs of life


def test_a_heartbeat_that_comes_by_another_door_is_heard(
    cast: Quick, supervisor: Supervisor, tmp_path: Path
) -> None:
    probe = {
        "type": "heartbeat",
        "file": "beat",
        "seconds": 1,
        "start_grace": 0,
        "readiness": True,
    }
    agent = cast("wait", cwd=str(tmp_path), heartbeat_interval=1, probes=[probe])
    agent.ask(Action.START)
    agent.wait_until(lambda row: "get ready" in row.status_reason)
    at = timezone.now()
    run = agent.runs()[0].pk
    heartbeats.take(agent.row.pk, run, at, activity="working")
    row = agent.wait_for(Status.RUNNING)
    assert row.last_heartbeat_at == at
    [condition] = agent.wait_until(lambda row: row.conditions).conditions
    assert condition["type"] == "unhealthy"
    assert condition["reason"].startswith("probe heartbeat: no heartbeat for ")
    # Later ones are no news: it looks for them itself, whenever it looks at the agent.
    newest = changes.latest()

    def beats_until_it_is_well(row: Agent) -> bool:
        heartbeats.take(row.pk, run, timezone.now(), activity="working")
        return not row.conditions

    agent.wait_until(beats_until_it_is_well)
    said = Change.objects.filter(seq__gt=newest, topic=changes.HEARTBEAT)
    assert not said.exists()


def test_what_a_run_uses_and_gives_signs_of_is_stored(
    cast: Quick, supervisor: Supervisor
) -> None:
    agent = cast("tool_step").start_ready()
    row = agent.wait_until(lambda row: row.last_progress_at and row.processes == 3)
    spoke, worked = row.last_output_at, row.last_progress_at
    assert spoke is not None and worked is not None
    assert row.last_heartbeat_at is None
    assert row.open_files is not None and row.open_files >= 9
    agent.wait_until(lambda row: row.cpu_percent)
    later = worked + timedelta(seconds=0.3)
    until(lambda: (agent.look().last_progress_at or worked) > later, what="work")
    # The clocks are kept apart: work is no output.
    latest = agent.look().last_output_at
    assert latest is not None
    assert abs(latest - spoke) < timedelta(seconds=0.1)
