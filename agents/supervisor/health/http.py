"""The probe `http`: an address answers a GET with the status that is expected.

The protocol is h11's; the connection and its deadline are ours. No redirect is
followed, no proxy asked, no cookie kept, and of the answer only the head is read.
"""

from __future__ import annotations

import asyncio
import ssl
from functools import cache
from typing import Final
from urllib.parse import urlsplit

import h11

from agents.policy.probes import Probe
from agents.policy.thresholds import Result
from agents.supervisor.health.connecting import NoAnswer, connected

_PIECE: Final = 16_384


async def check(probe: Probe) -> Result:
    """Ask once."""
    try:
        status = await _get(probe)
    except NoAnswer as reason:
        return Result(False, str(reason))
    except h11.RemoteProtocolError as error:
        return Result(False, f"the answer is no HTTP: {error}"[:200])
    good = 200 <= status < 400 if probe.status is None else status == probe.status
    wanted = "2xx or 3xx" if probe.status is None else str(probe.status)
    if good:
        return Result(True, f"answered {status}")
    return Result(False, f"answered {status} instead of {wanted}")


async def _get(probe: Probe) -> int:
    parts = urlsplit(probe.url)
    assert parts.hostname is not None, "an address is validated when it is saved"
    tls = await _tls() if parts.scheme == "https" else None
    port = parts.port or (443 if tls else 80)
    path = parts.path or "/"
    request = h11.Request(
        method="GET",
        target=f"{path}?{parts.query}" if parts.query else path,
        headers=[
            ("Host", parts.netloc),
            ("User-Agent", "AgentHub-probe"),
            ("Accept", "*/*"),
            ("Connection", "close"),
        ],
    )
    async with connected(parts.hostname, port, probe.timeout, tls) as (reader, writer):
        talk = h11.Connection(h11.CLIENT)
        writer.write(talk.send(request) or b"")
        writer.write(talk.send(h11.EndOfMessage()) or b"")
        return await _status(talk, reader)


async def _status(talk: h11.Connection, reader: asyncio.StreamReader) -> int:
    while True:
        event = talk.next_event()
        if event is h11.NEED_DATA:
            talk.receive_data(await reader.read(_PIECE))
        elif isinstance(event, h11.Response):
            return event.status_code
        elif not isinstance(event, h11.InformationalResponse):
            raise NoAnswer("closed without an answer")


async def _tls() -> ssl.SSLContext:
    """Made once, elsewhere: reading all the certificates takes a while."""
    return await asyncio.get_running_loop().run_in_executor(None, _context)


@cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()
