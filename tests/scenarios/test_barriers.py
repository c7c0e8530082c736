"""Agents that meet: a real hub, real sockets that wait, and real deaths."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.harness.hub import HubProcess
from tests.harness.waiting import until
from tests.scenarios.test_run_tokens import token_of

PARTIES = 100
NAMES = [f"party-{number}" for number in range(PARTIES)]
ALIVE = ("web", "api")


class Caller:
    """One connection to the hub, with one token."""

    def __init__(self, hub: HubProcess, token: str) -> None:
        self._token = token
        self.connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=90)

    def send(self, method: str, path: str, body: Any = None) -> None:
        """Ask, and go on before there is an answer."""
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
        }
        sent = None if body is None else json.dumps(body)
        self.connection.request(method, f"/api/v1/{path}", sent, headers)

    def answer(self) -> Any:
        """What is answered; it has to be good."""
        response = self.connection.getresponse()
        told = response.read()
        assert response.status < 300, told
        return json.loads(told) if told else None

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Both."""
        self.send(method, path, body)
        return self.answer()


Open = Callable[..., Caller]


@pytest.fixture(scope="module")
def town(module_hub: HubProcess) -> HubProcess:
    """A hub with a hundred agents that are set up, and two that run."""
    agents = [{"name": name, "command": ["sleep", "600"]} for name in (*NAMES, *ALIVE)]
    (module_hub.home / "agents.json").write_text(json.dumps({"agents": agents}))
    for line in (
        ("import", "agents.json"),
        ("start", *ALIVE, "--wait", "20"),
    ):
        done = module_hub.agents(*line)
        assert done.returncode == 0, done.stderr
    return module_hub


@pytest.fixture(scope="module")
def token(town: HubProcess) -> str:
    done = town.manage("apitoken", "admin", "--name", "meets", "--scope", "operate")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def caller(town: HubProcess, token: str) -> Iterator[Open]:
    """Opens connections: the person's, or with another token."""
    opened: list[Caller] = []

    def open_one(other: str = "") -> Caller:
        opened.append(Caller(town, other or token))
        return opened[-1]

    yield open_one
    for one in opened:
        one.connection.close()


@pytest.fixture
def person(caller: Open) -> Caller:
    return caller()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(PARTIES) as pool:
        yield pool


def make(person: Caller, name: str, parties: Any, **more: Any) -> None:
    person.call("POST", "barriers", {"name": name, "parties": parties, **more})


def arrived(person: Caller, name: str) -> int:
    return len(person.call("GET", f"barriers/{name}")["arrived"])


def test_a_hundred_parties_are_let_go_within_a_second_of_the_last(
    caller: Open, person: Caller, threads: ThreadPoolExecutor
) -> None:
    make(person, "hundred", NAMES)

    def wait(name: str) -> tuple[float, Any]:
        body = {"agent": name, "wait": 60}
        told = caller().call("POST", "barriers/hundred/arrive", body)
        return time.monotonic(), told

    waiting: list[Future[tuple[float, Any]]] = [
        threads.submit(wait, name) for name in NAMES[:-1]
    ]
    until(
        lambda: arrived(person, "hundred") == PARTIES - 1,
        timeout=60,
        every=0.2,
        what="all but one to arrive",
    )
    assert not any(one.done() for one in waiting)
    last = person.call("POST", "barriers/hundred/arrive", {"agent": NAMES[-1]})
    came = time.monotonic()
    assert last["state"] == "tripped"
    told = [one.result(timeout=30) for one in waiting]
    assert {one["state"] for _, one in told} == {"tripped"}
    assert all(set(one["arrived"]) == set(NAMES) for _, one in told)
    slowest = max(at for at, _ in told) - came
    print(f"{PARTIES} parties let go in {slowest * 1000:.0f} ms")
    assert slowest < 1.0


def test_a_party_that_is_killed_breaks_it_within_two_seconds_by_its_name(
    town: HubProcess, caller: Open, person: Caller
) -> None:
    make(person, "deadly", list(ALIVE))
    web = caller(token_of(town, "web"))
    web.send("POST", "barriers/deadly/arrive", {"agent": "web", "wait": 60})
    until(lambda: arrived(person, "deadly") == 1, what="the first to arrive")
    os.kill(town.row("api")["pid"], signal.SIGKILL)
    died = time.monotonic()
    told = web.answer()
    took = time.monotonic() - died
    assert (told["state"], told["missing"]) == ("broken", ["api"])
    assert told["reason"].startswith("api ended before it arrived: ")
    print(f"told of the death after {took * 1000:.0f} ms")
    assert took < 2.0


def test_an_arrival_stands_though_its_caller_goes_away(
    caller: Open, person: Caller
) -> None:
    make(person, "brief", 2)
    gone = caller()
    gone.send("POST", "barriers/brief/arrive", {"agent": NAMES[0], "wait": 60})
    until(lambda: arrived(person, "brief") == 1, what="the arrival")
    gone.connection.close()
    # One whose time to wait is over has arrived as well, and is no second one.
    body = {"agent": NAMES[0], "wait": 0.1}
    assert person.call("POST", "barriers/brief/arrive", body)["state"] == "waiting"
    last = person.call("POST", "barriers/brief/arrive", {"agent": NAMES[1]})
    assert (last["state"], last["arrived"]) == ("tripped", NAMES[:2])


def test_who_waits_is_told_in_time_that_not_all_come(person: Caller) -> None:
    make(person, "timed", 2, timeout=1.0)
    begun = time.monotonic()
    body = {"agent": NAMES[0], "wait": 60}
    told = person.call("POST", "barriers/timed/arrive", body)
    took = time.monotonic() - begun
    assert (told["state"], told["lacking"]) == ("timed_out", 1)
    assert 0.95 < took < 2.5


def test_a_look_waits_for_the_end_of_a_round_that_nobody_has_come_to_yet(
    caller: Open, person: Caller
) -> None:
    make(person, "empty", 1)
    looker = caller()
    looker.send("GET", "barriers/empty?wait=60")
    looker.connection.sock.settimeout(0.3)
    with pytest.raises(TimeoutError):
        looker.connection.sock.recv(1)
    looker.connection.sock.settimeout(30)
    person.call("POST", "barriers/empty/arrive", {"agent": NAMES[0]})
    assert looker.answer()["state"] == "tripped"
