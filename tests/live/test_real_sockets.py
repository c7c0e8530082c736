"""A real hub and real sockets: who is let in, and one that reads nothing."""

from __future__ import annotations

import json
import time

import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.harness.hub import HubProcess
from tests.harness.visitor import Visitor
from tests.harness.waiting import until
from tests.live.deaf import RawSocket, a_token, has


@pytest.fixture(scope="module")
def token(module_hub: HubProcess) -> str:
    return a_token(module_hub)


def opened(hub: HubProcess, origin: str | None, **headers: str) -> ClientConnection:
    address = hub.url.replace("http", "ws", 1) + "/ws/live/"
    sent = headers | ({"Origin": origin} if origin is not None else {})
    return connect(address, additional_headers=sent, proxy=None)


def answer(connection: ClientConnection) -> str:
    """The type of what comes first, or the code with which the hub closes."""
    with connection:
        try:
            connection.send(json.dumps({"type": "subscribe", "topics": ["agents"]}))
            return str(json.loads(connection.recv(5))["type"])
        except ConnectionClosed as error:
            return str(error.rcvd.code if error.rcvd else None)


def test_a_session_opens_it_only_from_the_hubs_own_pages(
    module_hub: HubProcess,
) -> None:
    visitor = Visitor(module_hub.url)
    cookie = "; ".join(f"{one.name}={one.value}" for one in visitor.cookies)
    own = opened(module_hub, module_hub.url, Cookie=cookie)
    assert answer(own) == "snapshot"
    other_port = f"http://127.0.0.1:{module_hub.port + 1}"
    for origin in ("http://evil.example", other_port, "null", None):
        with pytest.raises(InvalidStatus) as refused:
            opened(module_hub, origin, Cookie=cookie)
        assert refused.value.response.status_code == 403
    assert answer(opened(module_hub, module_hub.url)) == "4401"


def test_a_token_opens_it_without_an_origin(module_hub: HubProcess, token: str) -> None:
    bearer = f"Bearer {token}"
    assert answer(opened(module_hub, None, Authorization=bearer)) == "snapshot"
    with pytest.raises(InvalidStatus):
        opened(module_hub, "http://evil.example", Authorization=bearer)
    with opened(module_hub, None, Authorization="Bearer ahp_wrong") as connection:
        bye = json.loads(connection.recv(5))
        assert (bye["type"], bye["code"]) == ("bye", 4401)
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(5)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401


def test_one_that_reads_nothing_is_cut_off_and_costs_little(
    module_hub: HubProcess, token: str
) -> None:
    flood = ["sh", "-c", "while :; do yes flood | head -c 300000; sleep 0.05; done"]
    path = module_hub.home / "agents.json"
    path.write_text(json.dumps({"agents": [{"name": "flood", "command": flood}]}))
    assert module_hub.agents("import", str(path)).returncode == 0
    assert module_hub.agents("start", "flood", "--wait", "10").returncode == 0
    hub = psutil.Process(module_hub.pid)
    deaf = RawSocket(module_hub, f"Authorization: Bearer {token}")
    try:
        before = hub.memory_info().rss
        deaf.send(type="subscribe", topics=["logs:flood"], logs={"flood": {"run": 0}})
        begun = time.monotonic()
        highest = before
        while has(module_hub, deaf.port):
            assert time.monotonic() - begun < 12.0, "it is still connected"
            highest = max(highest, hub.memory_info().rss)
            time.sleep(0.1)
        took = time.monotonic() - begun
    finally:
        deaf.close()
        module_hub.agents("stop", "flood", "--wait", "10")
    assert 5.0 < took < 10.0
    assert highest - before < 16 * 1024 * 1024


def test_a_page_that_reads_nothing_and_subscribes_again_is_cut_off(
    module_hub: HubProcess,
) -> None:
    visitor = Visitor(module_hub.url)
    cookie = "; ".join(f"{one.name}={one.value}" for one in visitor.cookies)
    origin = f"Origin: {module_hub.url}"
    deaf = RawSocket(module_hub, f"Cookie: {cookie}", origin)
    try:
        for _ in range(12):
            deaf.send(type="subscribe", format="html", topics=["overview"])
        until(
            lambda: not has(module_hub, deaf.port),
            timeout=6,
            what="the end of the connection",
        )
    finally:
        deaf.close()
