"""Calls that wait for a lock: on a real hub, over real connections that may break."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.harness.hub import HubProcess
from tests.harness.waiting import until

AGENTS = {
    "agents": [
        {"name": name, "command": ["sleep", "600"]} for name in ("web", "api", "db")
    ]
}


class Caller:
    """Calls the hub's API with one token."""

    def __init__(self, hub: HubProcess, secret: str) -> None:
        self.port, self.secret = hub.port, secret
        self.threads = ThreadPoolExecutor(8)

    def send(
        self, method: str, path: str, body: Any = None, key: str = ""
    ) -> http.client.HTTPConnection:
        """Send it; whoever wants to know reads the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Authorization": f"Bearer {self.secret}"}
        if key:
            headers["Idempotency-Key"] = key
        if body is not None:
            headers["Content-Type"] = "application/json"
        data = None if body is None else json.dumps(body)
        connection.request(method, f"/api/v1/{path}", data, headers)
        return connection

    def call(self, *args: Any, **more: Any) -> tuple[int, Any]:
        """Status and body of the answer."""
        connection = self.send(*args, **more)
        response = connection.getresponse()
        told = json.loads(response.read())
        connection.close()
        return response.status, told

    def later(self, *args: Any, **more: Any) -> Future[tuple[int, Any]]:
        return self.threads.submit(self.call, *args, **more)

    def open(self) -> list[tuple[str, str]]:
        """Who holds or waits, in order."""
        _, told = self.call("GET", "locks")
        return [(one["agent"], one["state"]) for one in told["items"]]


@pytest.fixture(scope="module")
def everyone(module_hub: HubProcess) -> HubProcess:
    (module_hub.home / "agents.json").write_text(json.dumps(AGENTS))
    for line in (("import", "agents.json"), ("start", "--all", "--wait", "20")):
        done = module_hub.agents(*line)
        assert done.returncode == 0, done.stderr
    return module_hub


@pytest.fixture(scope="module")
def secret(everyone: HubProcess) -> str:
    done = everyone.manage("apitoken", "admin", "--scope", "operate")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def caller(everyone: HubProcess, secret: str) -> Iterator[Caller]:
    made = Caller(everyone, secret)
    yield made
    made.threads.shutdown(wait=False, cancel_futures=True)
    _, told = made.call("GET", "locks")
    for one in told["items"]:
        made.call("POST", f"locks/{one['id']}/release")
    assert made.open() == []


def body(space: Path, agent: str, *paths: str, wait: float | None = None) -> Any:
    asked = {"workspace": str(space), "paths": paths, "agent": agent, "wait": wait}
    return asked | {"mode": "exclusive"}


def take(caller: Caller, space: Path, agent: str, *paths: str) -> int:
    status, told = caller.call("POST", "locks", body(space, agent, *paths))
    assert status == 201, told
    return int(told["locks"][0]["id"])


def test_a_call_that_waits_is_granted_in_turn_as_soon_as_it_is_free(
    caller: Caller, tmp_path: Path
) -> None:
    held = take(caller, tmp_path, "web", "a")
    first = caller.later("POST", "locks", body(tmp_path, "api", "a", wait=20))
    until(lambda: ("api", "waiting") in caller.open(), what="the first to wait")
    second = caller.later("POST", "locks", body(tmp_path, "db", "a", wait=20))
    until(lambda: len(caller.open()) == 3, what="the second to wait")
    _, told = caller.call("GET", "locks?state=waiting")
    assert [(one["agent"], one["position"]) for one in told["items"]] == [
        ("api", 1),
        ("db", 2),
    ]
    assert [one["agent"] for one in told["items"][1]["waits_for"]] == ["web", "api"]
    began = time.monotonic()
    assert caller.call("POST", f"locks/{held}/release")[0] == 200
    status, told = first.result(10)
    assert (status, told["locks"][0]["agent"]) == (201, "api")
    assert time.monotonic() - began < 3
    # It has it for as long as it runs, and not for as long as it waited.
    assert told["locks"][0]["expires_at"] is None
    assert not second.done()
    caller.call("POST", f"locks/{told['locks'][0]['id']}/release")
    assert second.result(10)[0] == 201


def test_when_the_time_is_up_the_place_is_given_up_with_what_was_in_the_way(
    caller: Caller, tmp_path: Path
) -> None:
    take(caller, tmp_path, "web", "a")
    status, told = caller.call("POST", "locks", body(tmp_path, "api", "a", wait=0.3))
    assert status == 409
    assert [one["agent"] for one in told["conflicts"]] == ["web"]
    assert "Still not free after 0.3 s. web has a." in told["detail"]
    assert caller.open() == [("web", "held")]


def test_who_goes_away_leaves_the_queue(caller: Caller, tmp_path: Path) -> None:
    held = take(caller, tmp_path, "web", "a")
    gone = caller.send("POST", "locks", body(tmp_path, "api", "a", wait=60))
    until(lambda: ("api", "waiting") in caller.open(), what="it to wait")
    gone.close()
    until(lambda: caller.open() == [("web", "held")], what="its place to be gone")
    caller.call("POST", f"locks/{held}/release")
    take(caller, tmp_path, "db", "a")


def test_the_same_call_sent_again_takes_the_place_of_the_first(
    caller: Caller, tmp_path: Path
) -> None:
    held = take(caller, tmp_path, "web", "a")
    asked = body(tmp_path, "api", "a", wait=20)
    lost = caller.send("POST", "locks", asked, key="once")
    until(lambda: ("api", "waiting") in caller.open(), what="it to wait")
    again = caller.later("POST", "locks", asked, key="once")
    # The first is told, and has no place any more that its end could take away.
    assert lost.getresponse().status == 409
    lost.close()
    assert caller.open() == [("web", "held"), ("api", "waiting")]
    caller.call("POST", f"locks/{held}/release")
    status, told = again.result(10)
    assert status == 201
    assert caller.call("POST", "locks", asked, key="once") == (201, told)
    assert caller.open() == [("api", "held")]


def test_two_that_would_wait_for_each_other_are_told_in_words(
    caller: Caller, tmp_path: Path
) -> None:
    take(caller, tmp_path, "web", "a")
    held = take(caller, tmp_path, "api", "b")
    first = caller.later("POST", "locks", body(tmp_path, "web", "b", wait=20))
    until(lambda: ("web", "waiting") in caller.open(), what="the first to wait")
    status, told = caller.call("POST", "locks", body(tmp_path, "api", "a", wait=20))
    assert status == 409
    assert "api would wait for web, which has a and waits for api" in told["detail"]
    assert [one["agent"] for one in told["conflicts"]] == ["web"]
    # Who waits asks for nothing more meanwhile.
    status, told = caller.call("POST", "locks", body(tmp_path, "web", "c"))
    assert status == 409
    assert "waits for them" in told["detail"]
    caller.call("POST", f"locks/{held}/release")
    assert first.result(10)[0] == 201


def test_who_waits_is_told_when_its_run_ends(
    everyone: HubProcess, caller: Caller, tmp_path: Path
) -> None:
    take(caller, tmp_path, "web", "a")
    waits = caller.later("POST", "locks", body(tmp_path, "api", "a", wait=20))
    until(lambda: ("api", "waiting") in caller.open(), what="it to wait")
    assert everyone.agents("restart", "api", "--wait", "20").returncode == 0
    status, told = waits.result(10)
    assert status == 409
    assert "its run has ended" in told["detail"]
