"""An open page without a browser: what it sends, and what it is sent."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase

from agents.live.routing import websocket_urlpatterns
from agents.models import Run

FRAME = re.compile(r'data-seq="(\d+)" data-frame="(\d+)"')


class OpenPage:
    """A page that acknowledges what it gets, unless told not to."""

    def __init__(self, person: User | None, session: SessionBase | None = None) -> None:
        router: Any = URLRouter(websocket_urlpatterns)
        self.socket = WebsocketCommunicator(router, "/ws/live/")
        scope: Any = self.socket.scope
        scope |= {"user": person, "session": session}
        self.acknowledges = True
        self.frames: list[str] = []
        self.seq = 0
        self.read = 0

    async def connect(self) -> OpenPage:
        connected, _ = await self.socket.connect()
        assert connected
        return self

    async def send(self, **message: Any) -> None:
        await self.socket.send_to(text_data=json.dumps(message))

    async def subscribe(self, *topics: str, **more: Any) -> None:
        await self.send(type="subscribe", format="html", topics=list(topics), **more)

    async def frame(self, timeout: float = 5.0) -> str:
        text = str(await self.socket.receive_from(timeout=timeout))
        self.frames.append(text)
        if text.startswith("{"):
            self.read = json.loads(text)["frame"]
        else:
            found = FRAME.search(text)
            assert found is not None, text
            self.seq, self.read = int(found[1]), int(found[2])
        if self.acknowledges:
            await self.acknowledge()
        return text

    async def acknowledge(self) -> None:
        """Say that everything has been read that came."""
        await self.send(type="ack", frame=self.read)

    async def until(self, pattern: str, timeout: float = 5.0) -> str:
        """The first frame in which the pattern is found."""
        async with asyncio.timeout(timeout):
            while True:
                text = await self.frame(timeout)
                if re.search(pattern, text):
                    return text

    async def quiet(self, seconds: float) -> list[str]:
        """What comes within this time, the numbers left out."""
        came = []
        deadline = asyncio.get_running_loop().time() + seconds
        while (left := deadline - asyncio.get_running_loop().time()) > 0:
            # Cancelling a receive ends the communicator, so look before waiting.
            if not self.socket.output_queue.empty():
                text = await self.frame()
                if not text.startswith("{"):
                    came.append(text)
            else:
                await asyncio.sleep(min(0.02, left))
        return came

    async def closing(self) -> int:
        """The code with which the server closes."""
        async with asyncio.timeout(5):
            while True:
                message = await self.socket.receive_output(5)
                if message["type"] == "websocket.close":
                    return int(message["code"])

    async def leave(self) -> None:
        await self.socket.disconnect()


def write(run: Run, stream: str, data: bytes) -> None:
    """Output, as the run's program would write it."""
    folder = Path(settings.AGENTHUB_DATA_DIR) / "runs" / run.folder
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / stream).open("ab") as file:
        file.write(data)


def lines(text: str) -> list[str]:
    """The lines of output in a frame, without their markup."""
    found = re.findall(
        r'<div class="line (?:out|err|note|divider)[^>]*>(.*?)</div>', text
    )
    return [re.sub(r"<[^>]+>", "", line) for line in found if line]
