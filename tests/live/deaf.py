"""A WebSocket client that can be deaf: it writes, and nobody reads for it."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct

import psutil

from tests.harness.hub import HubProcess

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


class RawSocket:
    """A WebSocket client that reads nothing after the handshake, and so little room
    for what it is sent that the hub's side fills up at once."""

    def __init__(self, hub: HubProcess, *headers: str) -> None:
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
            *headers,
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
