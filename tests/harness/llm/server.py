"""The stand-in itself: a small HTTP/1.1 server that does as it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

from tests.harness.llm.answers import PLAIN, Answer, Behaviour, Refusal, Silence

HTML = "<html><body><h1>Bad gateway</h1></body></html>"


class Wire(Protocol):
    """A vendor's format."""

    path: str
    models_path: str
    content_type: str

    def models(self, names: Sequence[str]) -> Any:
        """The body that lists these models."""
        ...

    def frames(self, answer: Answer, body: Mapping[str, Any]) -> list[bytes]:
        """All frames of the stream."""
        ...

    def error_frame(self) -> bytes:
        """An error in the middle of it."""
        ...

    def refusal(self, status: int, text: str) -> Any:
        """The body of an answer that is not 200."""
        ...

    def objection(
        self, headers: Mapping[str, str], body: Mapping[str, Any]
    ) -> Refusal | None:
        """What the vendor would not accept about a request."""
        ...


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    at: float


class StandIn:
    """Runs on the running loop. The behaviours are used up in order; then PLAIN.

    `models` are those it names when it is asked for them; a plain answer names them.
    """

    def __init__(self, wire: Wire, *behaviours: Behaviour) -> None:
        self.wire = wire
        self.behaviours = list(behaviours)
        self.models: Sequence[str] = ("model-1", "model-2")
        self.requests: list[Received] = []
        self.connections = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._gone = asyncio.Event()
        self._heard = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Nobody is there any more."""
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def open_connections(self) -> int:
        return len(self._open)

    async def until_heard(self) -> None:
        """Wait for a request."""
        await asyncio.wait_for(self._heard.wait(), 10)

    async def until_all_gone(self) -> None:
        """Wait until no client is connected."""
        while self._open:
            self._gone.clear()
            await asyncio.wait_for(self._gone.wait(), 10)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self._open.add(writer)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            # The test is over; asyncio's own server would call this an error.
            pass
        finally:
            self._open.discard(writer)
            self._gone.set()
            self._tasks.discard(task)
            writer.close()

    async def _one(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer one request; whether the connection may be used again."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:] if line)
        }
        content = await reader.readexactly(int(headers.get("content-length", "0")))
        body = json.loads(content or "{}")
        method, target = head[0].split(" ")[:2]
        path = target.partition("?")[0]
        now = asyncio.get_running_loop().time()
        self.requests.append(Received(path, headers, body, now))
        self._heard.set()
        listing = method == "GET" and path == self.wire.models_path
        behaviour: Behaviour | None = None
        if path != self.wire.path and not listing:
            behaviour = Refusal(404)
        elif not listing:
            behaviour = self.wire.objection(headers, body)
        if behaviour is None:
            behaviour = self.behaviours.pop(0) if self.behaviours else PLAIN
        match behaviour:
            case Silence():
                await self._hang_up(reader)
                return False
            case Refusal():
                self._refuse(writer, behaviour)
                return True
            case Answer() if listing:
                await asyncio.sleep(behaviour.delay)
                self._refuse(writer, Refusal(200, body=self.wire.models(self.models)))
                return True
            case Answer():
                return await self._answer(reader, writer, behaviour, body)

    async def _hang_up(self, reader: asyncio.StreamReader) -> None:
        """Say nothing until the client goes."""
        while await reader.read(65536):
            pass

    def _refuse(self, writer: asyncio.StreamWriter, refusal: Refusal) -> None:
        body = refusal.body
        if body is None:
            body = self.wire.refusal(refusal.status, refusal.text)
        is_page = isinstance(body, str)
        content = (body if is_page else json.dumps(body)).encode()
        headers = {
            "Content-Type": "text/html" if is_page else "application/json",
            "Content-Length": str(len(content)),
            **refusal.headers,
        }
        writer.write(_head(f"{refusal.status} Refused", headers) + content)

    async def _answer(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answer: Answer,
        body: Mapping[str, Any],
    ) -> bool:
        if answer.delay:
            await asyncio.sleep(answer.delay)
        headers = {
            "Content-Type": self.wire.content_type,
            "Transfer-Encoding": "chunked",
        }
        writer.write(_head("200 OK", headers))
        frames = self.wire.frames(answer, body)
        if not answer.spoilt:
            for frame in frames:
                if answer.pace:
                    await asyncio.sleep(answer.pace)
                writer.write(_chunk(frame))
                await writer.drain()
            writer.write(_chunk(b""))
            await writer.drain()
            return True
        for frame in frames[: len(frames) // 2]:
            writer.write(_chunk(frame))
        await writer.drain()
        match answer.spoilt:
            case "error":
                writer.write(_chunk(self.wire.error_frame()) + _chunk(b""))
                return True
            case "garbage":
                garbage = self.wire.error_frame().replace(b"{", b"<").replace(b'"', b"")
                writer.write(_chunk(garbage) + _chunk(b""))
                return True
            case "cut":
                writer.write(_chunk(b""))
                return True
            case "silence":
                await self._hang_up(reader)
            case "reset":
                # Seen by the client after what was sent, else it loses that as well.
                await asyncio.sleep(0.05)
                writer.transport.abort()
        return False


def _head(status: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {headers[name]}" for name in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"
