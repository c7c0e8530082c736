"""Scenarios 15 and 24: the output's disk or the whole hub's is full, or a folder gone.

The disks are small real ones. Programs run on, and a person is told.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from agents.policy.states import Action, Status
from agents.supervisor import manager
from tests.harness.hardship import fill, small_disk
from tests.harness.hub import HubProcess
from tests.harness.processes import lives, program
from tests.harness.supervisor import Actor, Cast, Supervisor
from tests.harness.waiting import until


@pytest.fixture
def disk(data: Path) -> Iterator[Path]:
    """A disk of 8 MiB for the output alone; the database has room."""
    with small_disk(data / "runs", 8) as place:
        yield place


@pytest.fixture
def looking(monkeypatch: pytest.MonkeyPatch, idle: Supervisor) -> Supervisor:
    """A supervisor that looks at the output's place more often than every 2 s."""
    monkeypatch.setattr(manager, "BOUND_EVERY", 0.1)
    return idle.start()


def condition(agent: Actor) -> str:
    return " ".join(one["type"] for one in agent.look().conditions)


def test_15_a_full_disk_marks_the_agent_and_does_not_stop_it(
    disk: Path, looking: Supervisor, cast: Cast, vera: User
) -> None:
    agent = cast("careless").start()
    pid = agent.look().pid
    until(lambda: "line 3" in agent.output(), what="output")
    ballast = fill(disk)
    agent.wait_until(lambda row: row.conditions)
    until(lambda: len(agent.noted("unwritten")) > 3, what="lines to be lost")
    [said] = agent.row.conditions
    assert said["type"] == "disk_full"
    assert said["reason"].startswith("the disk that keeps its output is full")
    assert said["since"]
    assert (agent.row.status, agent.row.pid) == ("running", pid)
    # Every door shows it.
    browser = Client()
    browser.force_login(vera)
    for address in ("/", f"/agents/{agent.row.name}/", "/admin/agents/agent/"):
        assert "disk full" in browser.get(address).content.decode().lower(), address
    out = StringIO()
    call_command("agents", "status", agent.row.name, stdout=out, stderr=StringIO())
    assert "disk_full" in out.getvalue()
    # What it had written is kept, and its exit code is written all the same.
    ballast.unlink()
    agent.wait_until(lambda row: not row.conditions)
    before = len(agent.output())
    until(lambda: len(agent.output()) > before, what="output again")
    assert agent.row.pid == pid
    told = [change.reason for change in agent.history() if change.source == "disk"]
    assert told == [said["reason"], "its output can be written again"]
    assert len(agent.noted()) == 1


def test_15_a_program_that_ends_on_a_full_disk_keeps_its_exit_code(
    disk: Path, looking: Supervisor, cast: Cast
) -> None:
    agent = cast("careless", auto_restart="never").start()
    leader = agent.look().pid or 0
    fill(disk)
    agent.wait_until(lambda row: row.conditions)
    looking.close()
    os.kill(agent.noted()[0], signal.SIGTERM)
    os.waitpid(leader, 0)
    looking.start()
    row = agent.wait_for(Status.CRASHED)
    assert "ended by signal TERM" in row.status_reason
    assert agent.runs()[0].exit_code == 143
    assert row.conditions == []


def test_15_a_start_on_a_full_disk_waits_for_room_and_says_why(
    disk: Path, looking: Supervisor, cast: Cast
) -> None:
    agent = cast("wait", max_restarts=None)
    ballast = fill(disk)
    agent.ask(Action.START)
    row = agent.wait_for(Status.BACKOFF)
    assert "No space left on device (errno 28)" in row.status_reason
    ballast.unlink()
    agent.wait_for(Status.RUNNING)
    assert len(agent.noted()) <= 1


def test_15_a_first_start_without_room_for_the_agents_own_folder_waits_too(
    data: Path, idle: Supervisor, cast: Cast
) -> None:
    with small_disk(data / "work", 1, names=8) as place:
        taken = use_up_names(place)
        idle.start()
        agent = cast("wait", max_restarts=None)
        agent.ask(Action.START)
        row = agent.wait_for(Status.BACKOFF)
        assert "No space left on device" in row.status_reason
        taken[0].rmdir()
        agent.wait_for(Status.RUNNING)
        agent.stop()
        assert len(agent.noted()) <= 1


def use_up_names(place: Path) -> list[Path]:
    taken: list[Path] = []
    with contextlib.suppress(OSError):
        while True:
            (folder := place / f"{len(taken)}").mkdir()
            taken.append(folder)
    return taken


def test_15_an_output_folder_that_is_removed_marks_the_agent_and_does_not_stop_it(
    looking: Supervisor, cast: Cast
) -> None:
    agent = cast("echo", auto_restart="never").start()
    pid = agent.look().pid
    shutil.rmtree(agent.folder())
    until(lambda: condition(agent) == "output_gone", what="the condition")
    assert agent.look().status == Status.RUNNING
    assert agent.row.pid == pid
    os.kill(agent.noted()[0], signal.SIGTERM)
    row = agent.wait_for(Status.CRASHED)
    assert agent.runs()[0].exit_code == 143
    assert row.conditions == []
    # The next run has a folder of its own.
    agent.start()
    until(agent.output, what="output")
    assert condition(agent) == ""


@pytest.fixture
def cramped(tmp_path: Path) -> Iterator[HubProcess]:
    """A real hub with everything on one disk of 48 MiB."""
    with small_disk(tmp_path / "disk", 48) as place:
        hub = HubProcess(place)
        try:
            yield hub.start()
        finally:
            (place / "ballast").unlink(missing_ok=True)
            hub.close()


def test_24_a_hub_whose_whole_disk_is_full_says_so_and_recovers_by_itself(
    cramped: HubProcess,
) -> None:
    hub, disk = cramped, cramped.data.parent
    marker = disk.parent / "marker"
    agents = [
        {
            "name": name,
            "command": program("careless"),
            "env": {"MARKER": str(marker)},
            "auto_restart": "never",
        }
        for name in ("steady", "dying")
    ]
    path = disk.parent / "agents.json"
    path.write_text(json.dumps({"agents": agents}))
    assert hub.agents("import", str(path)).returncode == 0
    assert hub.agents("start", "--all", "--wait", "10").returncode == 0
    before = {one["name"]: one for one in hub.agents_json("list")}
    ballast = fill(disk)
    os.killpg(before["dying"]["pid"], signal.SIGTERM)
    until(lambda: not lives(before["dying"]["pid"]), what="the end of the dying one")
    word = hub.data / "supervisor-local.lock"
    until(lambda: json.loads(word.read_text())["degraded"], what="the hub's word")
    assert "full" in hub.agents_json("summary")["degraded"]["reason"]
    assert lives(before["steady"]["pid"])
    ballast.unlink()
    until(lambda: not json.loads(word.read_text())["degraded"], what="its recovery")
    assert hub.agents_json("summary")["degraded"] is None
    after = {one["name"]: one for one in hub.agents_json("list")}
    assert after["steady"]["pid"] == before["steady"]["pid"]
    assert after["steady"]["status"] == "running"
    assert after["dying"]["status"] == "crashed"
    [run] = hub.agents_json("runs", "dying")
    assert run["exit_code"] == 143
    started = [line for line in marker.read_text().splitlines() if "leader" in line]
    assert len(started) == 2
