"""`manage.py supervise`: the supervisor alone, beside a hub that has none."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.hub import MANAGE, ROOT, HubProcess
from tests.harness.processes import lives, program
from tests.harness.waiting import until


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[HubProcess]:
    """A hub that serves pages only."""
    hub = HubProcess(tmp_path, "--no-supervisor")
    try:
        yield hub.start()
    finally:
        hub.close()


class Supervise:
    """`manage.py supervise` in a process."""

    def __init__(self, hub: HubProcess, *options: str) -> None:
        self.log = hub.data / "supervise.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(MANAGE), "supervise", *options],
                cwd=ROOT,
                env=hub.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def ready(self) -> Supervise:
        until(
            lambda: "Supervising node local." in self.log.read_text(),
            what="the supervisor",
        )
        return self

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(10)


@pytest.fixture
def supervise(pages: HubProcess) -> Iterator[Supervise]:
    process = Supervise(pages).ready()
    yield process
    process.process.kill()
    process.process.wait()


def test_it_runs_what_is_asked_by_other_processes(
    pages: HubProcess, supervise: Supervise
) -> None:
    file = pages.home / "agents.json"
    file.write_text(json.dumps({"agents": [{"name": "a", "command": program("wait")}]}))
    assert pages.agents("import", str(file)).returncode == 0
    assert pages.agents("start", "a", "--wait", "10").returncode == 0
    [agent] = pages.agents_json("status", "a")
    assert agent["status"] == "running"
    assert lives(agent["pid"])
    assert pages.agents_json("summary")["supervisor_running"] is True

    # It ends as a hub does, and another one adopts.
    begun = time.monotonic()
    assert supervise.end(signal.SIGTERM) == 0
    assert time.monotonic() - begun < 5
    assert "Agents still running: 1." in supervise.log.read_text()
    assert lives(agent["pid"])
    again = Supervise(pages).ready()
    try:
        [after] = pages.agents_json("status", "a")
        assert (after["status"], after["pid"]) == ("running", agent["pid"])
        assert pages.agents("stop", "a", "--wait", "10").returncode == 0
        assert again.end(signal.SIGINT) == 0
        assert "still running" not in again.log.read_text()
    finally:
        again.process.kill()
        again.process.wait()
    assert pages.survivors() == {}


def test_a_second_one_is_refused(pages: HubProcess, supervise: Supervise) -> None:
    second = pages.manage("supervise")
    assert second.returncode == 1
    assert second.stderr.strip() == (
        f"CommandError: Not started: node 'local' of {pages.data} is already "
        f"supervised by process {supervise.process.pid}."
    )
    hub = pages.manage("hub", "--port", "0")
    assert hub.returncode == 1
    assert "already supervised by process" in hub.stderr


def test_a_node_that_this_version_has_not_is_misuse(tmp_path: Path) -> None:
    hub = HubProcess(tmp_path)
    refused = hub.manage("supervise", "--node", "elsewhere")
    assert refused.returncode == 2
    assert "There is no node 'elsewhere'" in refused.stderr
