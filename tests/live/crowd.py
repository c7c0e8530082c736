"""Many programs on a real hub's socket: each says what it was told, and when.

They write down only when a message came, and read it afterwards: a hundred that read at
once would measure themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.harness.hub import HubProcess


class Line(NamedTuple):
    """A change of status; `at`: seconds since the epoch."""

    agent: str
    before: str
    after: str
    at: float


class Came(NamedTuple):
    """A message: when it came (seconds since the epoch), its head, and its data."""

    at: float
    head: dict[str, Any]
    data: str


class Readings:
    """What is in the data of messages, each text read once for all who were sent it."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._lines: dict[str, list[Line]] = {}

    def kept(self, text: str) -> str:
        """The same text; equal ones are one object."""
        return self._texts.setdefault(text, text)

    def lines(self, text: str) -> list[Line]:
        """The lines of the history in a delta."""
        if text not in self._lines:
            told = json.loads(text)["history"]
            self._lines[text] = [_line(one) for one in told]
        return self._lines[text]


def _line(told: dict[str, str]) -> Line:
    at = datetime.fromisoformat(told["at"]).timestamp()
    return Line(told["agent"], told["from"], told["to"], at)


def written(hub: HubProcess) -> list[Line]:
    """Every change of status in the hub's database, in order."""
    query = (
        "SELECT agent_name, from_status, to_status, at FROM agents_statuschange "
        "ORDER BY id"
    )
    lines = []
    with contextlib.closing(sqlite3.connect(hub.data / "agenthub.sqlite3")) as database:
        for agent, before, after, at in database.execute(query):
            moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
            lines.append(Line(agent, before, after, moment.timestamp()))
    return lines


@dataclass
class Member:
    """One program. `acknowledges` may be turned off while it listens; `ended`: when it
    was closed, and with which code (None where the connection just broke)."""

    hub: HubProcess
    token: str
    readings: Readings
    acknowledges: bool = True
    came: list[Came] = field(default_factory=list)
    unheard_since: float | None = None
    ended: tuple[float, int | None] | None = None
    seq: int | None = None
    _socket: ClientConnection | None = None
    _task: asyncio.Task[None] | None = None

    async def listen(self) -> Member:
        """Subscribe to all agents, after what it knows; back once it was answered."""
        address = self.hub.url.replace("http", "ws", 1) + "/ws/live/"
        bearer = {"Authorization": f"Bearer {self.token}"}
        self._socket = await connect(
            address,
            additional_headers=bearer,
            proxy=None,
            compression=None,
            max_size=None,
            open_timeout=30,
        )
        wanted: dict[str, Any] = {"type": "subscribe", "topics": ["agents"]}
        if self.seq is not None:
            wanted["after"] = self.seq
        await self._socket.send(json.dumps(wanted))
        count = len(self.came)
        self.ended = None
        self._task = asyncio.create_task(self._hear(self._socket))
        async with asyncio.timeout(30):
            while len(self.came) == count:
                await asyncio.sleep(0.01)
        return self

    async def _hear(self, socket: ClientConnection) -> None:
        try:
            async for text in socket:
                await self._note(socket, str(text), time.time())
        except ConnectionClosed:
            pass
        code = socket.protocol.close_rcvd.code if socket.protocol.close_rcvd else None
        self.ended = time.time(), code

    async def _note(self, socket: ClientConnection, text: str, at: float) -> None:
        start, mark, data = text.partition(', "data": ')
        head = json.loads(f"{start}}}" if mark else text)
        self.came.append(Came(at, head, self.readings.kept(data[:-1])))
        if "seq" not in head:
            return
        self.seq = head["seq"]
        if self.acknowledges:
            await socket.send(json.dumps({"type": "ack", "seq": self.seq}))
        elif self.unheard_since is None:
            self.unheard_since = at

    async def leave(self) -> None:
        """Close it, as a program that ends."""
        if self._socket is not None:
            await self._socket.close()
        await self.gone()

    async def gone(self, timeout: float = 20.0) -> None:
        """Wait until the socket has closed."""
        if self._task is not None:
            await asyncio.wait_for(self._task, timeout)

    @property
    def told(self) -> list[tuple[float, Line]]:
        """Each line of the history that it was told, and when."""
        return [
            (one.at, line)
            for one in self.came
            if one.head["type"] == "delta"
            for line in self.readings.lines(one.data)
        ]

    def gaps(self) -> list[Came]:
        """The messages that do not follow on the one before; there should be none.

        After a break too: a member goes on where it was.
        """
        found, last = [], None
        for one in self.came:
            if one.head["type"] == "bye":
                continue
            if one.head["type"] == "snapshot":
                if last is not None:
                    found.append(one)
            elif one.head["previous"] != last or one.head["seq"] < last:
                found.append(one)
            last = one.head["seq"]
        return found


async def until_told(members: Iterable[Member], count: int, timeout: float) -> None:
    """Wait until each has been told so many lines of the history, or more."""
    async with asyncio.timeout(timeout):
        for member in members:
            known = 0
            while known < count:
                known = len(member.told)
                if known < count:
                    await asyncio.sleep(0.05)
