"""Heartbeats of real processes to a real hub: of its own agents, and of others."""

from __future__ import annotations

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.harness.hub import HubProcess
from tests.harness.waiting import until

# It says that it works for as long as it is not told to stop, and what it was told.
PROGRAM = """
import json, os, signal, time
from urllib.request import Request, urlopen

signal.signal(signal.SIGTERM, signal.SIG_IGN)
where = os.environ["AGENTHUB_URL"] + "api/v1/agents/" + os.environ["AGENTHUB_AGENT"]
told = {"wanted": "run"}
while told["wanted"] == "run":
    request = Request(
        where + "/heartbeat",
        json.dumps({"activity": "working", "note": "run on"}).encode(),
        {
            "Authorization": "Bearer " + os.environ["AGENTHUB_TOKEN"],
            "Content-Type": "application/json",
        },
    )
    try:
        with urlopen(request, timeout=10) as answer:
            told = json.load(answer)
    except OSError:
        pass
    time.sleep(0.1)
print("told to", told["wanted"], flush=True)
"""
AGENTS = """
agents:
- name: worker
  command: [python3, -I, -S, "%s"]
  stop_grace: 60
  heartbeat_interval: 1
  probes: [{type: silence, seconds: 5, action: restart}]
"""


def call(hub: HubProcess, token: str, path: str, body: Any = None) -> tuple[int, Any]:
    """A POST with a body, else a GET."""
    sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = Request(f"{hub.url}/api/v1/{path}", data, sent)
    try:
        with urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


def person(hub: HubProcess) -> str:
    return hub.manage("apitoken", "admin", "--scope", "operate").stdout.strip()


def test_an_agent_lives_by_its_heartbeats_and_ends_when_they_tell_it_to(
    hub: HubProcess,
) -> None:
    program = hub.home / "program.py"
    program.write_text(PROGRAM)
    (hub.home / "agents.yaml").write_text(AGENTS % program)
    assert hub.agents("import", "agents.yaml").returncode == 0
    assert hub.agents("start", "worker", "--wait", "20").returncode == 0
    token = person(hub)

    def shape() -> Any:
        return call(hub, token, "agents/worker")[1]

    until(lambda: shape()["activity"] == "working", what="a heartbeat")
    assert shape()["activity_note"] == "run on"
    run = shape()["run"]
    hub.kill9()
    hub.start()
    until(lambda: shape()["status"] == "running", what="the adoption")
    before = shape()["last_heartbeat_at"]
    until(lambda: shape()["last_heartbeat_at"] > before, what="one after the adoption")
    assert shape()["run"] == run
    # It does not hear its stop signal, and goes all the same, long before its grace.
    assert hub.agents("stop", "worker", "--wait", "30").returncode == 0
    assert "told to stop" in hub.agents("logs", "worker").stdout


def test_an_agent_from_outside_outlives_the_hub_and_is_never_touched_by_it(
    hub: HubProcess,
) -> None:
    token = person(hub)
    status, told = call(hub, token, "agents/register", {"name": "far"})
    assert status == 201
    own = told["token"]
    assert call(hub, own, "agents/far/heartbeat", {"activity": "working"})[0] == 200
    hub.kill9()
    hub.start()
    status, reply = call(hub, own, "agents/far/heartbeat", {})
    assert (status, reply["wanted"], reply["interval"]) == (200, "run", 20.0)
    # The new supervisor has adopted its own by now, and has left this one alone.
    row = call(hub, token, "agents/far")[1]
    assert (row["status"], row["activity"], row["run"]) == ("running", "working", 1)
    done = hub.agents("stop", "far", "--wait", "5")
    assert done.returncode == 1 and "started elsewhere" in done.stderr
    assert hub.agents("stop", "--all", "--wait", "10").returncode == 0
    assert call(hub, own, "agents/far/heartbeat", {})[0] == 200
    # Registered anew it is one with a new run, and the old word counts no more.
    again = call(hub, token, "agents/register", {"name": "far"})[1]
    assert again["run"] == 2
    assert call(hub, own, "agents/far/heartbeat", {})[0] == 401
    assert call(hub, again["token"], "agents/far/deregister", {})[1]["status"] == (
        "stopped"
    )
