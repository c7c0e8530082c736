"""Programs that listen to all agents on the live socket, and acknowledge what they get.

Arguments: port, token, how many. `on` answers once all have their snapshot; `off` ends,
and answers how many messages came.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import struct
import sys
from typing import Final

LARGEST: Final = 1 << 26
SEQ: Final = re.compile(rb'"seq": (\d+)')


class Listener:
    """One socket, without a library: `make bench` installs none."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._token = port, token
        self.came = 0

    async def open(self) -> None:
        """Shake hands, subscribe, and take the snapshot."""
        self._reader, self._writer = await asyncio.open_connection(
            "127.0.0.1", self._port, limit=LARGEST
        )
        key = base64.b64encode(os.urandom(16)).decode()
        lines = (
            "GET /ws/live/ HTTP/1.1",
            f"Host: 127.0.0.1:{self._port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key}",
            f"Authorization: Bearer {self._token}",
            "\r\n",
        )
        self._writer.write("\r\n".join(lines).encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in head:
            raise RuntimeError(head.decode())
        self._send({"type": "subscribe", "topics": ["agents"]})
        await self._take()
        self._task = asyncio.create_task(self._listen())

    async def close(self) -> int:
        """End; how many messages came."""
        self._task.cancel()
        self._writer.close()
        return self.came

    async def _listen(self) -> None:
        while True:
            await self._take()

    async def _take(self) -> None:
        """The next message, which is acknowledged."""
        first, second = await self._reader.readexactly(2)
        size = second
        if size == 126:
            (size,) = struct.unpack("!H", await self._reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self._reader.readexactly(8))
        payload = await self._reader.readexactly(size)
        if first & 0x0F == 0x9:
            self._write(0x8A, payload)
        elif found := SEQ.search(payload[:200]):
            self.came += 1
            self._send({"type": "ack", "seq": int(found[1])})
        else:
            raise RuntimeError(f"the hub said {payload[:200]!r}")

    def _send(self, message: dict[str, object]) -> None:
        self._write(0x81, json.dumps(message).encode())

    def _write(self, kind: int, data: bytes) -> None:
        # Masked by zeros, which is allowed: as it is.
        self._writer.write(struct.pack("!BBI", kind, 0x80 | len(data), 0) + data)


async def main(port: int, token: str, many: int) -> None:
    """Do what is said, line by line."""
    listeners: list[Listener] = []
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line.strip() == "on":
            listeners = [Listener(port, token) for _ in range(many)]
            await asyncio.gather(*(one.open() for one in listeners))
            told = len(listeners)
        else:
            told = sum([await one.close() for one in listeners])
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
