"""A server that streams as told: `python -m bench.streaming.standin DELTAS SECONDS`.

OpenAI's chat format. A conversation's first answer ends in a tool call, its second does
not. It prints its port, and on each line of its input how many requests it has had.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping

_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    b"transfer-encoding: chunked\r\nconnection: keep-alive\r\n\r\n"
)
# Twenty bytes, as most words of most answers.
_WORD = "nineteen letters in "


def _frame(delta: Mapping[str, object], finish: str | None = None) -> bytes:
    chunk = {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    return _chunked(json.dumps(chunk).encode())


def _chunked(data: bytes) -> bytes:
    event = b"data: " + data + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(event), event)


_USAGE = _chunked(
    b'{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],'
    b'"usage":{"prompt_tokens":10,"completion_tokens":500,"total_tokens":510}}'
)
_CALL = {
    "tool_calls": [
        {
            "index": 0,
            "id": "call_1",
            "type": "function",
            "function": {"name": "list_files", "arguments": "{}"},
        }
    ]
}


class Server:
    """`deltas` for each answer, one every `seconds`."""

    def __init__(self, deltas: int, seconds: float) -> None:
        self.deltas, self.seconds = deltas, seconds
        self.requests = 0

    async def serve(
        self, reader: asyncio.StreamReader, out: asyncio.StreamWriter
    ) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                size = 0
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        size = int(line.partition(b":")[2])
                body = json.loads(await reader.readexactly(size)) if size else {}
                self.requests += 1
                await self._answer(body, out)
        except (ConnectionError, asyncio.IncompleteReadError):
            out.close()

    async def _answer(self, body: dict[str, object], out: asyncio.StreamWriter) -> None:
        roles = [message["role"] for message in body["messages"]]  # type: ignore[attr-defined]
        second = "tool" in roles
        out.write(_HEAD)
        word = _frame({"content": _WORD})
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for number in range(self.deltas):
            out.write(word)
            await out.drain()
            await asyncio.sleep(
                max(0.0, begin + (number + 1) * self.seconds - loop.time())
            )
        out.write(_frame({} if second else _CALL, "stop" if second else "tool_calls"))
        out.write(_USAGE + _chunked(b"[DONE]") + b"0\r\n\r\n")
        await out.drain()


async def main(deltas: int, seconds: float) -> None:
    """Serve until the input ends."""
    server = Server(deltas, seconds)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    print(listening.sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(server.requests, flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
