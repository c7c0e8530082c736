"""A real hub and real sockets: who is let in, and one that reads nothing."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
import time

import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.harness.hub import HubProcess
from tests.harness.visitor import Visitor

MAKE_TOKEN = """
from django.contrib.auth.models import User
from agents.services import tokens
user = User.objects.get(username="admin")
count = user.api_tokens.count()
made = tokens.issue(user, name=f"t{count}", scope="view", by="a test")
print(made.secret)
"""


def a_token(hub: HubProcess) -> str:
    """A new token of the administrator's."""
    done = hub.manage("shell", "--verbosity", "0", "-c", MAKE_TOKEN)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


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


class RawSocket:
    """A WebSocket client that reads nothing after the handshake, and so little room
    for what it is sent that the hub's side fills up at once."""

    def __init__(self, hub: HubProcess, token: str) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.connect(("127.0.0.1", hub.port))
        key = base64.b64encode(os.urandom(16)).decode()
        lines = (
            "GET /ws/live/ HTTP/1.1",
            f"Host: 127.0.0.1:{hub.port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key}",
            f"Authorization: Bearer {token}",
            "\r\n",
        )
        self._socket.sendall("\r\n".join(lines).encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += self._socket.recv(1)
        assert b" 101 " in head
        self.port = self._socket.getsockname()[1]

    def send(self, **message: object) -> None:
        """A masked text frame."""
        data = json.dumps(message).encode()
        mask = os.urandom(4)
        assert len(data) < 126, "longer ones have another head"
        head = struct.pack("!BB", 0x81, 0x80 | len(data)) + mask
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
        self._socket.sendall(head + masked)

    def close(self) -> None:
        """Gone at last."""
        self._socket.close()


def has(hub: HubProcess, port: int) -> bool:
    """Whether the hub still has the connection to this port."""
    return any(
        one.raddr and one.raddr.port == port
        for one in psutil.Process(hub.pid).net_connections("tcp")
    )


def test_one_that_reads_nothing_is_cut_off_and_costs_little(
    module_hub: HubProcess, token: str
) -> None:
    flood = ["sh", "-c", "while :; do yes flood | head -c 300000; sleep 0.05; done"]
    path = module_hub.home / "agents.json"
    path.write_text(json.dumps({"agents": [{"name": "flood", "command": flood}]}))
    assert module_hub.agents("import", str(path)).returncode == 0
    assert module_hub.agents("start", "flood", "--wait", "10").returncode == 0
    hub = psutil.Process(module_hub.pid)
    deaf = RawSocket(module_hub, token)
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
