"""Dependencies with a real hub: killed while somebody waits, and without one."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from tests.harness.hub import HubProcess
from tests.harness.waiting import until


def define(hub: HubProcess) -> None:
    """A worker that needs a job to be done and a store that is slow to leave."""
    slow = "trap 'sleep 0.4; exit 0' TERM; while :; do sleep 0.05; done"
    job = f"while [ ! -e {hub.home}/go ]; do sleep 0.05; done"
    agents: list[dict[str, Any]] = [
        {
            "name": "worker",
            "command": ["sh", "-c", slow],
            "depends_on": [
                {"agent": "job", "condition": "completed"},
                {"agent": "store"},
            ],
        },
        {"name": "store", "command": ["sleep", "600"]},
        {"name": "job", "command": ["sh", "-c", job]},
    ]
    path = hub.home / "agents.json"
    path.write_text(json.dumps({"agents": agents}))
    done = hub.agents("import", str(path))
    assert done.returncode == 0, done.stderr


def status(hub: HubProcess, name: str) -> dict[str, Any]:
    [agent] = hub.agents_json("status", name)
    return dict(agent)


def when(hub: HubProcess, name: str, to: str) -> datetime:
    """When it became so for the last time."""
    changes = hub.agents_json("history", name)
    return datetime.fromisoformat(next(c["at"] for c in changes if c["to"] == to))


def test_who_waits_outlives_a_killed_hub_and_all_end_in_order_without_one(
    hub: HubProcess,
) -> None:
    define(hub)
    assert hub.agents("start", "worker").returncode == 0
    waits = "waits for job to complete (job is running)"
    until(lambda: status(hub, "worker")["reason"] == waits, what="the wait")
    hub.kill9()
    (hub.home / "go").touch()
    hub.start()
    done = hub.agents("start", "worker", "--wait", "10")
    assert done.returncode == 0, done.stderr
    runs = hub.agents_json("runs", "worker", "store", "job")
    assert sorted(run["agent"] for run in runs) == ["job", "store", "worker"]
    hub.stop()
    done = hub.agents("stop", "--all")
    assert done.returncode == 0, done.stderr
    assert when(hub, "worker", "stopped") <= when(hub, "store", "stopping")
    assert hub.survivors() == {}
