"""A run's output as text in pieces, by byte offsets, for programs. Blocking.

What may enter: how bytes as written become the text of a message, no character cut in
two; an offset stays a cursor.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import Final

from agents.services.logs import LogStore

READ: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class LogPiece:
    """Text of the bytes from `offset` up to `next_offset`; what is no UTF-8 in them is
    U+FFFD. `offset` is later than asked if those bytes are not kept any more."""

    offset: int
    next_offset: int
    text: str


def piece(
    store: LogStore, folder: str, stream: str, offset: int, *, ended: bool
) -> LogPiece | None:
    """What comes next; None when there is nothing new.

    `ended`: nothing more will be written, so half a character is not waited for.
    Raises OSError or ValueError where something else is in the file's place.
    """
    chunk = store.read(folder, stream, offset, READ)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(chunk.data, final=ended and chunk.eof)
    used = len(chunk.data) - len(decoder.getstate()[0])
    if not used:
        return None
    return LogPiece(chunk.offset, chunk.offset + used, text)
