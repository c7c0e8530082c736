"""Finding text in the lines of a file that goes by in blocks.

Pure, in bounded memory however long a line or a file is. What may enter: what a search
means; never where the blocks come from.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from agents.policy.terminal import plain

MAX_NEEDLE: Final = 1000
LONGEST_LINE: Final = 256 * 1024
BEFORE_MATCH: Final = 200
AFTER_MATCH: Final = 400

_Found = tuple[int, int | None, str]


@dataclass(frozen=True, slots=True)
class Match:
    """A line that matches, by its offset; unnumbered if earlier lines are gone.

    The text is cut around the match. Of a line too long to hold, the offset is that
    of the part with the match.
    """

    offset: int
    line_number: int | None
    text: str


def newest_matches(
    blocks: Iterable[tuple[int, bytes]], needle: str, limit: int
) -> list[Match]:
    """The last `limit` lines with `needle` in any case, oldest first.

    `blocks` are (offset, bytes) in order; where one does not continue the last, what
    lay between is gone, and lines are not numbered any more.
    """
    if limit < 1:
        raise ValueError(f"a limit is 1 or more, not {limit}")
    # Only now made readable: of a million matches, most have been dropped again.
    return [_readable(found) for found in deque(_found(blocks, needle), maxlen=limit)]


def matches(blocks: Iterable[tuple[int, bytes]], needle: str) -> Iterator[Match]:
    """All lines with `needle` in any case, as they are found; `blocks` as above."""
    return map(_readable, _found(blocks, needle))


def _readable(found: _Found) -> Match:
    offset, number, part = found
    return Match(offset, number, plain(part.encode("utf-8", "surrogateescape")))


def _found(blocks: Iterable[tuple[int, bytes]], needle: str) -> Iterator[_Found]:
    if len(needle) > MAX_NEEDLE:
        raise ValueError(f"a search is for at most {MAX_NEEDLE} characters")
    if not needle or "\n" in needle:
        return iter(())
    return _search(blocks, needle)


def _search(blocks: Iterable[tuple[int, bytes]], needle: str) -> Iterator[_Found]:
    pattern = re.compile(re.escape(needle), re.IGNORECASE)
    overlap = len(needle.encode("utf-8", "surrogatepass")) - 1
    held, expected = b"", 0
    number: int | None = 1
    for offset, block in blocks:
        if offset != expected:
            held, number = b"", None
        expected = offset + len(block)
        data, begin = held + block, offset - len(held)
        done = data.rfind(b"\n") + 1
        if done == 0 and len(data) < LONGEST_LINE:
            held = data
            continue
        seen = done or len(data)
        yield from _matches(data[:seen], begin, number, pattern)
        if number is not None:
            number += data.count(b"\n", 0, seen)
        # A match may straddle two parts of a line that is too long to hold.
        held = data[done or max(0, len(data) - overlap) :]
    yield from _matches(held, expected - len(held), number, pattern)


def _matches(
    data: bytes, offset: int, number: int | None, pattern: re.Pattern[str]
) -> Iterator[_Found]:
    # Surrogates stand for invalid bytes, so that a length in bytes can be had back.
    text = data.decode("utf-8", "surrogateescape")
    at = 0
    while found := pattern.search(text, at):
        begin = max(at, text.rfind("\n", at, found.start()) + 1)
        newline = text.find("\n", found.end())
        end = newline if newline >= 0 else len(text)
        offset += len(text[at:begin].encode("utf-8", "surrogateescape"))
        if number is not None:
            number += text.count("\n", at, begin)
        yield offset, number, _excerpt(text, begin, end, found.span())
        offset += len(text[begin : end + 1].encode("utf-8", "surrogateescape"))
        if number is not None:
            number += 1
        at = end + 1


def _excerpt(text: str, begin: int, end: int, found: tuple[int, int]) -> str:
    """The part of the line to show: around the match, and not what later replaced it
    by a carriage return."""
    start, stop = found
    begin = max(begin, start - BEFORE_MATCH)
    replaced = text.find("\r", stop, end)
    return text[begin : min(end if replaced < 0 else replaced, stop + AFTER_MATCH)]
