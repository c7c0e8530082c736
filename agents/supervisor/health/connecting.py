"""Connections to what a probe names, and in words why there is none."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class NoAnswer(Exception):
    """There is no good answer; the message says why."""


@asynccontextmanager
async def connected(
    host: str, port: int, timeout: float, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection, for `timeout` seconds in all; raises NoAnswer with the reason."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(host, port, ssl=tls)
            yield reader, writer
    except TimeoutError:
        what = "no connection" if writer is None else "no answer"
        raise NoAnswer(f"{what} within {timeout:g} s") from None
    except socket.gaierror:
        raise NoAnswer(f"no such host: {host}") from None
    except ssl.SSLCertVerificationError as error:
        raise NoAnswer(f"bad certificate: {error.verify_message}") from None
    except (OSError, UnicodeError) as error:
        raise NoAnswer(in_words(error)) from None
    finally:
        if writer is not None:
            # Not waited for: a peer that does not close shall not hold up a probe.
            writer.transport.abort()


def in_words(error: Exception) -> str:
    """The reason without the numbers and addresses that differ each time."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionResetError):
        return "connection reset"
    strerror = getattr(error, "strerror", None)
    return str(strerror or error or type(error).__name__).lower()[:200]
