"""A program on the socket without a server: what it sends, and what it is sent.

It checks as it goes what every program may rely on: that no message is left out.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User

from agents.live.routing import websocket_urlpatterns
from agents.services import tokens

Message = dict[str, Any]


def token_of(person: User, scope: str = "view") -> str:
    """A new token of this person."""
    name = f"{scope} {person.api_tokens.count()}"
    return tokens.issue(person, name=name, scope=scope, by="a test").secret


class Listener:
    """A program that acknowledges what it gets, unless told not to."""

    def __init__(self, token: str | None, person: User | None = None) -> None:
        router: Any = URLRouter(websocket_urlpatterns)
        headers = []
        if token is not None:
            headers.append((b"authorization", f"Bearer {token}".encode()))
        self.socket = WebsocketCommunicator(router, "/ws/live/", headers=headers)
        scope: Any = self.socket.scope
        scope |= {"user": person, "session": None}
        self.acknowledges = True
        self.messages: list[Message] = []
        self.seq: dict[str, int] = {}

    async def connect(self) -> Listener:
        connected, _ = await self.socket.connect()
        assert connected
        return self

    async def send(self, **message: Any) -> None:
        await self.socket.send_to(text_data=json.dumps(message))

    async def subscribe(self, *topics: str, **more: Any) -> None:
        self.seq.clear()
        await self.send(type="subscribe", topics=list(topics), **more)

    async def message(self, timeout: float = 5.0) -> Message:
        text = str(await self.socket.receive_from(timeout=timeout))
        message: Message = json.loads(text)
        self.messages.append(message)
        if message["type"] == "bye":
            return message
        topic, seq = message["topic"], message["seq"]
        if message["type"] == "delta" and topic in self.seq:
            assert message["previous"] == self.seq[topic], "nothing is left out"
        assert seq >= self.seq.get(topic, 0)
        self.seq[topic] = seq
        if self.acknowledges:
            await self.send(type="ack", seq=seq)
        return message

    async def until(
        self, condition: Callable[[Message], Any], timeout: float = 5.0
    ) -> Message:
        """The first message of which this is true."""
        async with asyncio.timeout(timeout):
            while True:
                message = await self.message(timeout)
                if condition(message):
                    return message

    async def closing(self) -> tuple[int, str]:
        """The code with which the hub closes, and the reason it gave before."""
        reason = ""
        async with asyncio.timeout(15):
            while True:
                message = await self.socket.receive_output(15)
                if message["type"] == "websocket.close":
                    return int(message["code"]), reason
                said = json.loads(message["text"])
                if said["type"] == "bye":
                    reason = said["reason"]

    async def leave(self) -> None:
        await self.socket.disconnect()
