"""An agent's processes and the hub: what their run's token lets them do, how long."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.harness.hub import HubProcess
from tests.harness.waiting import until

# The parent asks once, its child whenever the file named by ASK has a new line.
PROGRAM = """
import os, subprocess, sys, time
from urllib.error import HTTPError
from urllib.request import Request, urlopen

def status(agent):
    request = Request(
        os.environ["AGENTHUB_URL"] + "api/v1/agents/" + agent,
        headers={"Authorization": "Bearer " + os.environ["AGENTHUB_TOKEN"]},
    )
    try:
        with urlopen(request, timeout=10) as answer:
            return answer.status
    except HTTPError as error:
        return error.code

who = sys.argv[1]
print(who, status(os.environ["AGENTHUB_AGENT"]), status("other"), flush=True)
if who == "parent":
    subprocess.run([sys.executable, "-I", "-S", __file__, "child"])
time.sleep(600)
"""
AGENTS = """
agents:
- {name: asker, command: [python3, -I, -S, "%s", parent]}
- {name: other, command: [sleep, "600"]}
- {name: forger, command: [sleep, "600"], env: {AGENTHUB_TOKEN: mine}}
"""


def token_of(hub: HubProcess, name: str) -> str:
    """As any process of the same user can read it."""
    environment = Path(f"/proc/{hub.row(name)['pid']}/environ").read_bytes()
    given = dict(one.partition(b"=")[::2] for one in environment.split(b"\0"))
    return given[b"AGENTHUB_TOKEN"].decode()


def answer(hub: HubProcess, agent: str, token: str) -> tuple[int, Any]:
    request = Request(
        f"{hub.url}/api/v1/agents/{agent}", headers={"Authorization": f"Bearer {token}"}
    )
    try:
        with urlopen(request, timeout=10) as response:
            return response.status, json.load(response)
    except HTTPError as error:
        return error.code, json.load(error)


def test_a_run_reads_its_own_agent_over_the_hubs_death_until_it_ends_itself(
    hub: HubProcess,
) -> None:
    program = hub.home / "program.py"
    program.write_text(PROGRAM)
    agents = hub.home / "agents.yaml"
    agents.write_text(AGENTS % program)
    refused = hub.agents("import", str(agents))
    assert refused.returncode == 1 and "the hub's own" in refused.stderr
    agents.write_text((AGENTS % program).rsplit("-", 1)[0])
    assert hub.agents("import", str(agents)).returncode == 0
    assert hub.agents("start", "--all", "--wait", "20").returncode == 0

    def said() -> list[str]:
        return hub.agents("logs", "asker", "--stream", "out").stdout.splitlines()

    # A child has the token from its parent.
    until(lambda: len(said()) == 2, timeout=20, what="both to have asked")
    assert said() == ["parent 200 403", "child 200 403"]

    token, others = token_of(hub, "asker"), token_of(hub, "other")
    assert token.startswith("ahr_") and token != others
    assert answer(hub, "asker", token)[1]["status"] == "running"
    assert answer(hub, "asker", others)[0] == 403

    run = hub.row("asker")["run_id"]
    hub.kill9()
    hub.start()
    assert hub.row("asker")["run_id"] == run
    until(lambda: hub.row("asker")["status"] == "running", what="the adoption")
    assert answer(hub, "asker", token)[1]["pid"] == hub.row("asker")["pid"]
    assert answer(hub, "other", token)[0] == 403

    assert hub.agents("restart", "asker", "--wait", "20").returncode == 0
    assert answer(hub, "asker", token)[0] == 401
    assert answer(hub, "asker", token_of(hub, "asker"))[0] == 200
