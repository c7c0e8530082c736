"""A run's output as text that a program can go on reading from where it was.

What may enter: where a piece of text ends, so that no character is cut. Offsets are of
bytes, whatever the text makes of them. Blocking; memory is bounded by `limit`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from agents.services.logs import LogStore

LONGEST_CHARACTER: Final = 4


@dataclass(frozen=True, slots=True)
class Text:
    """Whole characters from `offset` on, which is later than asked if those are gone.

    Each byte that is no UTF-8 is a U+FFFD. `eof`: nothing after it was written yet.
    """

    offset: int
    next_offset: int
    eof: bool
    data: str


def read(
    store: LogStore, folder: str, stream: str, offset: int, limit: int, *, final: bool
) -> Text:
    """About `limit` bytes: up to three fewer, or enough for a single character.

    `final`: nothing more will be written, so half a character at the end is shown.
    Raises ValueError where the file is no regular one.
    """
    # Some bytes more tell whether one at the end belongs to what follows.
    chunk = store.read(folder, stream, offset, limit + LONGEST_CHARACTER - 1)
    cut, waits = _cut(chunk.data, limit, final=final and chunk.eof)
    eof = chunk.eof and (waits or cut == len(chunk.data))
    text = chunk.data[:cut].decode(errors="replace")
    return Text(chunk.offset, chunk.offset + cut, eof, text)


def _cut(data: bytes, limit: int, *, final: bool) -> tuple[int, bool]:
    """Where the text ends, and whether it does for want of half a character."""
    cut = min(limit, len(data))
    begin = cut - _begun(data[:cut])
    if begin == cut:
        return cut, False
    if _begun(data[begin:]) == len(data) - begin:
        return (len(data), False) if final else (begin, True)
    length = _first_character(data[begin:])
    if begin + length <= cut:
        return cut, False  # It seemed to begin one, and is no UTF-8.
    return begin or length, False


def _first_character(data: bytes) -> int:
    """How many bytes it has; 0 where it is no UTF-8."""
    for length in range(1, LONGEST_CHARACTER + 1):
        try:
            data[:length].decode()
        except UnicodeDecodeError:
            continue
        return length
    return 0


def _begun(data: bytes) -> int:
    """How many bytes at the end begin a character that is not finished."""
    for length in range(1, min(LONGEST_CHARACTER, len(data) + 1)):
        try:
            data[-length:].decode()
        except UnicodeDecodeError as error:
            if error.start == 0 and error.reason == "unexpected end of data":
                return length
    return 0
