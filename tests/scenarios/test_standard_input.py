"""A program that reads what people and programs write, over the hub's death."""

from __future__ import annotations

import json

import requests

from tests.harness.hub import HubProcess
from tests.harness.processes import program
from tests.harness.waiting import until


def define(hub: HubProcess) -> None:
    agents = [
        {"name": "listener", "command": program("listen"), "stdin": "fifo"},
        {"name": "deaf", "command": ["sleep", "600"], "stdin": "fifo"},
        {"name": "usual", "command": ["sleep", "600"]},
    ]
    path = hub.home / "agents.json"
    path.write_text(json.dumps({"agents": agents}))
    for line in (("import", str(path)), ("start", "--all", "--wait", "20")):
        done = hub.agents(*line)
        assert done.returncode == 0, done.stderr


def heard(hub: HubProcess, text: str) -> bool:
    said = hub.agents("logs", "listener", "--stream", "out").stdout
    assert "end of input" not in said
    return f"heard {text}\n" in said


def test_an_agent_hears_by_the_api_and_the_command_also_after_its_adoption(
    hub: HubProcess,
) -> None:
    define(hub)
    token = hub.manage("apitoken", "admin", "--scope", "operate").stdout.strip()

    def post(name: str, text: str) -> requests.Response:
        return requests.post(
            f"{hub.url}/api/v1/agents/{name}/input",
            json={"text": text},
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
        )

    answer = post("listener", "by the API\n")
    assert (answer.status_code, answer.json()) == (200, {"run": 1, "bytes": 11})
    until(lambda: heard(hub, "by the API"), what="the API's line")

    assert post("deaf", "x" * 65536).status_code == 200
    full = post("deaf", "x")
    assert (full.status_code, full.headers["Retry-After"]) == (409, "1")
    assert post("usual", "x").status_code == 409

    pid = hub.row("listener")["pid"]
    hub.kill9()
    # Also while there is no hub: the program holds its own input open.
    done = hub.agents("input", "listener", "without a hub")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "listener: 14 bytes written to run 1\n"
    until(lambda: heard(hub, "without a hub"), what="the command's line")
    hub.start()
    until(lambda: hub.row("listener")["status"] == "running", what="the adoption")
    assert post("listener", "adopted\n").status_code == 200
    until(lambda: heard(hub, "adopted"), what="the line after the adoption")
    assert hub.row("listener")["pid"] == pid

    assert hub.agents("stop", "listener", "--wait", "10").returncode == 0
    late = post("listener", "late\n")
    assert late.status_code == 409 and "not running" in late.json()["detail"]
