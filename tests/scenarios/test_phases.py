"""Phases of work: a real hub, native agents that really work, and its real death."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness.hub import HubProcess
from tests.harness.waiting import until
from tests.scenarios.test_barriers import Caller

# Who builds in one test and who tests there; and those of the other.
BUILDERS, TESTER = ("api", "web"), "tester"
OTHERS, JUDGE = ("db", "ui"), "judge"


class Team:
    """Native agents, all on the demo provider, and a person who asks them."""

    def __init__(self, hub: HubProcess, token: str) -> None:
        self.hub = hub
        self._token = token
        self._caller = Caller(hub, token)

    def close(self) -> None:
        self._caller.connection.close()

    def kill_the_hub(self) -> None:
        self.close()
        self.hub.kill9()
        self.hub.start()
        self._caller = Caller(self.hub, self._token)

    def ask(self, *names: str, prompt: str, **phase: Any) -> int:
        """A batch of work; its number."""
        body = {"names": list(names), "ask": {"prompt": prompt, **phase}}
        return int(self._caller.call("POST", "batches", body)["id"])

    def batch(self, number: int) -> Any:
        return self._caller.call("GET", f"batches/{number}")

    def tasks(self, name: str) -> list[Any]:
        return list(self._caller.call("GET", f"tasks?agent={name}")["items"])

    def stop(self, name: str) -> None:
        body = {"wait": 20, "reason": "wrong branch"}
        told = self._caller.call("POST", f"agents/{name}/stop", body)
        assert told["status"] == "stopped"

    def wait_for(self, number: int, state: str) -> Any:
        until(
            lambda: self.batch(number)["state"] == state,
            timeout=30,
            what=f"the batch to be {state}",
        )
        return self.batch(number)

    def wait_until_at_work(self, *names: str) -> None:
        until(
            lambda: all(
                [one["state"] for one in self.tasks(name)] == ["running"]
                for name in names
            ),
            timeout=20,
            what="all at work",
        )


@pytest.fixture(scope="module")
def team(module_hub: HubProcess) -> Iterator[Team]:
    hub = module_hub
    agents = [
        {"name": name, "kind": "native_llm", "provider": "demo"}
        for name in (*BUILDERS, TESTER, *OTHERS, JUDGE)
    ]
    (hub.home / "agents.json").write_text(json.dumps({"agents": agents}))
    for line in (("import", "agents.json"), ("start", "--all", "--wait", "20")):
        done = hub.agents(*line)
        assert done.returncode == 0, done.stderr
    made = hub.manage("apitoken", "admin", "--name", "leads", "--scope", "operate")
    team = Team(hub, made.stdout.strip())
    yield team
    team.close()


def test_a_phase_begins_after_the_one_before_though_the_hub_was_killed_meanwhile(
    team: Team,
) -> None:
    team.ask(*BUILDERS, prompt="/pause 2\n/say built", barrier="built")
    last = team.ask(TESTER, prompt="/say tested", after="built")
    team.wait_until_at_work(*BUILDERS)
    team.kill_the_hub()
    assert team.tasks(TESTER) == []
    assert team.wait_for(last, "done")["counts"]["done"] == 1
    (tested,) = team.tasks(TESTER)
    for name in BUILDERS:
        (built,) = team.tasks(name)
        place = {"barrier": "built", "generation": 1, "state": "arrived"}
        assert built["arrives_at"] == place
        assert built["ended_at"] <= tested["created_at"] <= tested["started_at"]


def test_an_agent_that_is_stopped_at_work_ends_what_waits_for_it_within_two_seconds(
    team: Team,
) -> None:
    team.ask(*OTHERS, prompt="/pause 600\n/say never", barrier="done")
    last = team.ask(JUDGE, prompt="/say tested", after="done")
    team.wait_until_at_work(*OTHERS)
    team.stop("db")
    stopped = time.monotonic()
    found = team.wait_for(last, "cancelled")
    assert time.monotonic() - stopped < 2
    assert found["cancelled_by"] == "barrier done"
    (item,) = found["items"]
    assert (item["state"], item["task"]) == ("cancelled", None)
    assert team.tasks(JUDGE) == []
    assert [one["state"] for one in team.tasks("ui")] == ["running"]
