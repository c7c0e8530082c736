"""What a failed connection says of itself in words: HTTP clients wrap the cause."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from typing import Final

WORDS: Final = {
    errno.ECONNREFUSED: "nothing listens there (connection refused)",
    errno.ECONNRESET: "the connection was reset",
    errno.EHOSTUNREACH: "the host cannot be reached (no route to it)",
    errno.ENETUNREACH: "the network cannot be reached",
    errno.EMFILE: "the hub has too many files open",
}


def in_words(error: BaseException) -> str:
    """Why the connection failed; empty where nothing better is known than its text."""
    for cause in _causes(error):
        match cause:
            case socket.gaierror():
                return "the host's name is unknown"
            case ssl.SSLCertVerificationError():
                return f"its TLS certificate is not trusted: {cause.verify_message}"
            case ssl.SSLError(reason=str(reason)):
                said = reason.lower().replace("_", " ")
                return f"TLS failed ({said}); is it http:// in place of https://?"
            case OSError(errno=int(number)) if number in WORDS:
                return WORDS[number]
    return ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and whatever led to it, the outermost first."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            # One for each address of the host: the first stands for all.
            error = error.exceptions[0]
        else:
            error = error.__cause__ or error.__context__
