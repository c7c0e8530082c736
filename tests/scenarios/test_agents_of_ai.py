"""Scenario 26: what supervisors of AI agents stumble over."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F

from agents.models import Node
from agents.policy.states import Status
from agents.services import nodes, presence
from agents.supervisor import sampler
from tests.harness.hub import HubProcess
from tests.harness.processes import ROOT, lives
from tests.harness.supervisor import Cast, Supervisor, seconds_since
from tests.harness.waiting import until


@pytest.mark.usefixtures("supervisor")
@pytest.mark.parametrize("mode", ["setsid_child", "daemon"])
def test_26c_tools_that_left_the_group_are_gone_after_a_stop(
    cast: Cast, mode: str
) -> None:
    agent = cast(mode).start_ready()
    assert len(agent.alive()) == 2
    agent.stop()
    assert agent.alive() == []


def test_26d_a_task_of_the_supervisor_that_has_died_begins_again(
    supervisor: Supervisor, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a sampler that could not open a file: it is not blind from then on."""
    measure = sampler.Meter.measure
    failed: list[bool] = []

    def fail_once(*arguments: Any) -> Any:
        if not failed:
            failed.append(True)
            raise OSError(24, "Too many open files")
        return measure(*arguments)

    monkeypatch.setattr(sampler.Meter, "measure", fail_once)
    monkeypatch.setattr(sampler, "period", lambda alive: 0.05)
    agent = cast("setsid_child").start_ready()
    agent.wait_until(lambda row: row.processes == 3)
    assert failed
    assert (agent.row.rss_bytes or 0) > 1_000_000


def test_26g_a_supervisor_that_lost_its_node_meanwhile_changes_nothing(
    supervisor: Supervisor,
    cast: Cast,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(nodes, "RENEW_EVERY", 0.05)
    agent = cast("wait").start()
    supervisor.close()
    supervisor.start()
    Node.objects.update(epoch=F("epoch") + 1)
    until(lambda: not supervisor.manager.running, what="the end of the old one")
    assert lives(agent.look().pid or 0)
    supervisor.close()
    supervisor.start()
    assert agent.look().status == Status.RUNNING


@pytest.mark.usefixtures("supervisor")
def test_26a_a_program_that_waits_for_its_standard_input_finds_its_end(
    cast: Cast,
) -> None:
    agent = cast("listen").start_ready()
    until(lambda: "end of input" in agent.output(), what="the end of the input")
    assert agent.look().status == Status.RUNNING


def test_26d_a_hub_whose_supervisor_has_ended_does_not_stay_up(
    hub: HubProcess, tmp_path: Path
) -> None:
    """Up is not supervised: the process ends, and the next one adopts."""
    path = tmp_path / "agents.json"
    path.write_text(json.dumps({"agents": [{"name": "a", "command": ["sleep", "60"]}]}))
    assert hub.agents("import", str(path)).returncode == 0
    assert hub.agents("start", "a", "--wait", "10").returncode == 0
    pid = hub.agents_json("status", "a")[0]["pid"]
    # As another supervisor would take the node, which ends this one.
    with closing(sqlite3.connect(hub.data / "agenthub.sqlite3")) as database, database:
        database.execute("UPDATE agents_node SET epoch = epoch + 1")
    assert hub.ended(timeout=15) == 70
    assert lives(pid)
    assert hub.agents_json("summary")["supervisor_running"] is False
    hub.start()
    assert hub.agents_json("status", "a")[0]["pid"] == pid


def test_26f_a_killed_supervisor_leaves_no_lock_that_anybody_waits_for(
    idle: Supervisor, data: Path
) -> None:
    """The kernel gives it back; there is nothing stale to time out."""
    code = (
        "from agents.supervisor.lock import NodeLock\n"
        "import time\n"
        "lock = NodeLock('local'); lock.take()\n"
        "print('taken', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", f"import django; django.setup()\n{code}"],
        cwd=ROOT,
        env={
            **os.environ,
            "AGENTHUB_DATA_DIR": str(data),
            "DJANGO_SETTINGS_MODULE": "agenthub.settings",
        },
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"taken\n"
        assert presence.is_held("local")
        holder.kill()
        holder.wait()
        begun = time.monotonic()
        idle.start()
        assert seconds_since(begun) < 2
