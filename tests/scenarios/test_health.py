"""Scenarios 26 b and e: who is silent is not always ill, and who is ill is mended."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from agents.policy.states import Status
from agents.supervisor import sampler
from tests.harness.health import Quick, hurried
from tests.harness.processes import lives
from tests.harness.supervisor import Cast, Supervisor
from tests.harness.waiting import until


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the fleet every 0.2 s, where a hub takes 2 s: silence is shorter here."""
    monkeypatch.setattr(sampler, "period", lambda _: 0.2)


@pytest.fixture(name="cast")
def quick(cast: Cast) -> Quick:
    """Agents whose probes are asked often."""
    return hurried(cast)


SILENCE = {
    "type": "silence",
    "seconds": 2,
    "start_grace": 0,
    "action": "restart",
}


@pytest.mark.usefixtures("supervisor")
def test_26b_an_agent_in_a_long_silent_step_is_not_killed_and_a_wedged_one_is(
    cast: Quick, tmp_path: Path
) -> None:
    """All three say nothing at all. One works in a tool, one gives heartbeats."""
    beat = {"type": "heartbeat", "file": "beat", "start_grace": 0}
    working = cast("tool_step", probes=[SILENCE]).start_ready()
    beating = cast("beat", "beat", cwd=str(tmp_path), probes=[SILENCE, beat])
    beating.start_ready()
    wedged = cast("wait", name="wedged", probes=[SILENCE]).start_ready()
    [tool] = until(lambda: working.noted("tool"), what="the tool")

    until(lambda: len(wedged.runs()) == 2, timeout=20, what="the wedged one's restart")
    assert "no output, CPU time or heartbeat for" in wedged.runs()[0].condemned
    assert not lives(wedged.noted()[0])
    # The others were just as silent for just as long, and longer still.
    until(lambda: len(wedged.runs()) == 3, timeout=20, what="its second restart")
    for healthy, sign in ((working, "CPU time"), (beating, "heartbeat")):
        row = healthy.look()
        assert row.status == Status.RUNNING
        assert (row.restarts_total, row.conditions) == (0, [])
        assert healthy.path() == ["starting", "running"]
        states = {one["type"]: one for one in row.probe_states}
        assert states["silence"]["state"] == "passing"
        assert f"last sign of life: {sign}" in states["silence"]["detail"]
        assert row.last_output_at is not None
        assert row.last_progress_at is not None
    assert lives(tool)
    assert beating.look().last_heartbeat_at is not None

    # And when its tool is frozen, the working one is wedged too.
    os.kill(tool, signal.SIGSTOP)
    until(lambda: len(working.runs()) == 2, timeout=20, what="the restart")
    assert not lives(tool), "the tool went with its agent"


@pytest.mark.usefixtures("supervisor")
def test_26e_what_is_done_about_a_stall_is_seen_through_and_told_once(
    cast: Quick,
) -> None:
    """It ignores the stop signal: the restart is not called done until it is dead."""
    agent = cast(
        "stubborn", probes=[SILENCE], stop_grace=0.3, max_restarts=1
    ).start_ready()
    row = agent.wait_for(Status.CRASHED, timeout=40)
    assert agent.alive() == []
    assert [run.exit_code for run in agent.runs()] == [137, 137]
    assert all(run.condemned and run.ended_at for run in agent.runs())
    assert agent.path() == [
        *("starting", "running", "stopping", "backoff"),
        *("starting", "running", "stopping", "crashed"),
    ]
    told = [c.reason for c in agent.history() if "TERM sent" in c.reason]
    assert len(told) == 2, "once for each stall"
    assert all(reason.startswith("probe silence: no output") for reason in told)
    assert "gave up after 1 restart within 600 s" in row.status_reason
    assert row.conditions == []


def test_26e_a_stall_that_is_only_noted_is_noted_once_and_taken_back(
    cast: Quick, supervisor: Supervisor
) -> None:
    agent = cast("wait", probes=[SILENCE | {"action": "note"}]).start_ready()
    [pid] = agent.noted()
    row = agent.wait_until(lambda row: row.conditions, timeout=20)
    [condition] = row.conditions
    assert condition["type"] == "silent"
    assert condition["reason"].startswith("probe silence: no output, CPU time or")
    looked = row.probe_states[0]["at"]
    agent.wait_until(lambda row: row.probe_states[0]["at"] > looked)
    assert (agent.look().status, agent.noted()) == (Status.RUNNING, [pid])
    # Another hub finds it still silent, and does not say so again.
    supervisor.close()
    supervisor.start()
    agent.wait_until(lambda row: row.probe_states[0]["state"] == "waiting")
    agent.wait_until(lambda row: row.probe_states[0]["state"] == "failing")
    assert [one["since"] for one in agent.look().conditions] == [condition["since"]]
    # It says something: that is a sign of life.
    with (agent.folder() / "out").open("a") as out:
        out.write("back again\n")
    agent.wait_until(lambda row: not row.conditions)
    told = [c.reason for c in agent.history() if c.source == "probe"]
    assert len(told) == 2
    assert told[1].startswith("probe silence passes again: last sign of life: output")
