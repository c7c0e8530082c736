"""The programs of exec probes: no part of the agent, and never left behind."""

from __future__ import annotations

import subprocess
import uuid
from pathlib import Path

import pytest

from agents.supervisor import sampler
from agents.supervisor.process.mark import probe_mark, wearing
from tests.harness.health import Quick, hurried, pids_in
from tests.harness.processes import be_subreaper, lives
from tests.harness.supervisor import Cast, Supervisor
from tests.harness.waiting import until


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the fleet every 0.2 s, where a hub takes 2 s."""
    monkeypatch.setattr(sampler, "period", lambda _: 0.2)


@pytest.fixture(name="cast")
def quick(cast: Cast) -> Quick:
    """Agents whose probes are asked often."""
    return hurried(cast)


def test_a_probes_program_is_no_part_of_the_agent(
    cast: Quick, supervisor: Supervisor, tmp_path: Path
) -> None:
    """It is not counted, its work is no sign of life, and a stop does not wait."""
    marker = tmp_path / "probe.marker"
    code = f"echo probe $$ >>{marker}; while :; do :; done"
    probe = {
        "type": "exec",
        "command": ["sh", "-c", code],
        "period": 30,
        "timeout": 20,
        "start_grace": 0,
    }
    agent = cast("wait", probes=[probe]).start_ready()
    [pid] = until(lambda: pids_in(marker), what="the probe")
    agent.wait_until(lambda row: row.cpu_percent is not None)
    quiet = agent.look().samples
    row = agent.wait_until(lambda row: len(row.samples) >= len(quiet) + 3)
    assert (row.processes, row.samples[-1][0]) == (2, 0.0)
    agent.stop(timeout=3)
    until(lambda: not lives(pid), what="the probe's program to end")


def test_closing_the_hub_ends_the_programs_of_probes_and_no_agent(
    cast: Quick, supervisor: Supervisor, tmp_path: Path
) -> None:
    marker = tmp_path / "probe.marker"
    probe = {
        "type": "exec",
        "command": ["sh", "-c", f"echo probe $$ >>{marker}; sleep 60"],
        "period": 30,
        "timeout": 20,
    }
    agent = cast("wait", probes=[probe]).start_ready()
    [pid] = until(lambda: pids_in(marker), what="the probe")
    supervisor.close()
    assert not lives(pid)
    assert agent.alive() == agent.noted()


def test_what_a_killed_hub_left_of_a_probe_is_ended_by_the_next_one(
    cast: Quick, supervisor: Supervisor
) -> None:
    """The probe's program is spawned here as that hub would have left it."""
    agent = cast("wait").start_ready()
    supervisor.close()
    leaked = []
    for run_id in (agent.runs()[0].id, uuid.uuid4()):
        with wearing(probe_mark(run_id, 3)):
            leaked.append(subprocess.Popen(["sleep", "60"], start_new_session=True))
    ours, others = leaked
    try:
        supervisor.start()
        assert ours.wait(5) == -9
        assert others.poll() is None, "another hub's probe is none of ours"
        assert agent.alive() == agent.noted()
    finally:
        for one in leaked:
            one.kill()
            one.wait()
        be_subreaper(True)
