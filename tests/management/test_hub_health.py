"""Probes and a hub that is killed without mercy: the reason stays, no program does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.harness.health import pids_in
from tests.harness.hub import HubProcess
from tests.harness.processes import lives, program
from tests.harness.waiting import until


def add(hub: HubProcess, folder: Path, **setup: Any) -> None:
    path = folder / "agents.json"
    path.write_text(json.dumps({"agents": [{"name": "worker", **setup}]}))
    hub.agents("import", str(path))


def status(hub: HubProcess) -> dict[str, Any]:
    [agent] = hub.agents_json("status", "worker")
    return dict(agent)


def test_a_hub_killed_while_it_restarts_an_ill_agent_is_followed_by_one_that_knows_why(
    hub: HubProcess, tmp_path: Path
) -> None:
    probe = {"type": "tcp", "port": 1, "period": 1, "failures": 2, "start_grace": 0}
    add(
        hub,
        tmp_path,
        command=program("stubborn"),
        stop_grace=6,
        auto_restart="never",
        probes=[probe | {"action": "restart"}],
    )
    hub.agents("start", "worker")
    until(lambda: status(hub)["status"] == "stopping", timeout=20, what="the ladder")
    pid = status(hub)["pid"]
    hub.kill9()
    assert lives(pid)
    hub.start()
    until(lambda: status(hub)["status"] == "crashed", timeout=20, what="the end")
    row = status(hub)
    assert not lives(pid)
    assert row["reason"] == (
        "probe tcp: connection refused, 2 times in a row; "
        "ended by signal KILL (exit code 137); automatic restart is off"
    )


def test_what_a_killed_hub_was_asking_is_ended_by_the_next_one(
    hub: HubProcess, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    command = ["env", f"MARKER={marker}", *program("setsid_child")]
    probe = {"type": "exec", "command": command, "period": 3600, "timeout": 300}
    add(hub, tmp_path, command=["sleep", "600"], probes=[probe])
    hub.agents("start", "worker", "--wait", "20")
    pid = status(hub)["pid"]
    until(lambda: len(pids_in(marker)) == 2, what="the probe's program")
    programs = pids_in(marker)
    hub.kill9()
    assert all(map(lives, programs)), "nobody was there to end them"
    # The next hub asks again: what it starts is its own.
    hub.start()
    until(lambda: not any(map(lives, programs)), what="their end")
    row = status(hub)
    assert (row["status"], row["pid"]) == ("running", pid)
    again = until(lambda: pids_in(marker)[2:], what="the next question")
    hub.agents("stop", "worker", "--wait", "20")
    until(lambda: not any(map(lives, [*again, *pids_in(marker)])), what="its end")
