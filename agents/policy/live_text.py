"""An answer while it is being given, as bytes that are only ever appended to a file.

0x1e voids what came before it, 0x0e turns to thinking and 0x0f back to text, in which
an answer begins. All else is UTF-8. Pure: the standard library only.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Final

BEGIN: Final = b"\x1e"
THINKING: Final = b"\x0e"
TEXT: Final = b"\x0f"

# What a model says is never taken for a mark, and half a character is no text.
_UNWRITABLE: Final = dict.fromkeys([0x0E, 0x0F, 0x1E, *range(0xD800, 0xE000)])
_TURNS: Final = re.compile(b"([%b%b])" % (THINKING, TEXT))


class Pen:
    """Writes one answer after another: append what it returns, in order."""

    def __init__(self) -> None:
        self._thinks = False

    def begin(self) -> bytes:
        """An answer begins, or begins again, or has become a step: void the last."""
        self._thinks = False
        return BEGIN

    def thinking(self, text: str) -> bytes:
        """More of what the model thinks."""
        return self._write(text, thinks=True)

    def text(self, text: str) -> bytes:
        """More of what the model says."""
        return self._write(text, thinks=False)

    def _write(self, text: str, *, thinks: bool) -> bytes:
        written = text.translate(_UNWRITABLE).encode()
        if not written or thinks == self._thinks:
            return written
        self._thinks = thinks
        return (THINKING if thinks else TEXT) + written


@dataclass(frozen=True, slots=True)
class Live:
    """What is known of an answer; both empty before it begins."""

    thinking: str
    text: str


@dataclass(frozen=True, slots=True)
class Part:
    """What some bytes add to an answer, and how to read on.

    `fresh`: whatever was read before is void. `thinks`: they end in thinking. `length`:
    how many bytes were read; what is left of them is a character that is not all there.
    """

    live: Live
    fresh: bool
    thinks: bool
    length: int


def latest(data: bytes) -> Live:
    """The answer that the bytes end in."""
    return part(data).live


def part(data: bytes, *, thinks: bool = False) -> Part:
    """Read on where the bytes before ended; `thinks`: in thinking."""
    begins = data.rfind(BEGIN) + 1
    fresh = begins > 0
    thinks = thinks and not fresh
    said: dict[bool, list[str]] = {True: [], False: []}
    *turns, last = _TURNS.split(data[begins:])
    for text, mark in zip(turns[::2], turns[1::2], strict=True):
        said[thinks].append(text.decode(errors="replace"))
        thinks = mark == THINKING
    text, used = codecs.utf_8_decode(last, "replace", False)
    said[thinks].append(text)
    live = Live(thinking="".join(said[True]), text="".join(said[False]))
    return Part(live, fresh, thinks, len(data) - len(last) + used)
