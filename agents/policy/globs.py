"""Whether two patterns of files can mean the same file, decided segment by segment.

Pure: the standard library only, and no look at the file system. What cannot be decided
counts as an overlap: two agents wait for nothing rather than write over each other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

ANY_DEPTH: Final = "**"
LONGEST: Final = 1000
MOST_SEGMENTS: Final = 100
# `glob.escape` writes a letter that is meant as such in brackets; other brackets,
# braces and backslashes are read differently by every shell.
_STRANGE: Final = frozenset("[{}\\")
_STAR: Final = 0
_ONE: Final = 1
_Token = str | int
_REGEX: Final[dict[_Token, str]] = {_STAR: ".*", _ONE: "."}


class BadPattern(ValueError):
    """No file of a workspace can be meant; the message says what to change."""


class Segment:
    """What stands between two slashes. `text` for a name without wildcards, else None.

    The same word is always the same object: they are compared often.
    """

    __slots__ = ("fits", "text", "tokens")

    def __init__(self, word: str) -> None:
        self.tokens: Final = _tokens(word)
        plain = not any(isinstance(token, int) for token in self.tokens)
        self.text: Final = "".join(map(str, self.tokens)) if plain else None
        # Whether a name fits, as a bound method of C: the question asked most.
        self.fits: Final = re.compile(
            "".join(_REGEX.get(token, re.escape(str(token))) for token in self.tokens),
            re.DOTALL,
        ).fullmatch


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern, taken apart. None among the segments stands for `**`.

    `below`: it also means everything under what it names; so does a path without
    wildcards, which may be a directory, and what ends with a slash. `strange`: it
    has a syntax that is not known here.
    """

    pattern: str
    segments: tuple[Segment | None, ...]
    below: bool
    strange: bool = False


def parse(pattern: str) -> Glob:
    """Take a pattern apart that is relative to its workspace: `src/**/*.py`.

    `*` and `?` stay within a segment, `**` is any number of them, `[x]` is the letter
    x itself. Raises BadPattern.
    """
    _check(pattern)
    words = [word for word in pattern.split("/") if word not in ("", ".")]
    if ".." in words:
        raise BadPattern(f"{pattern!r}: write it without `..`.")
    if len(words) > MOST_SEGMENTS:
        raise BadPattern(f"A path has {MOST_SEGMENTS} parts at most.")
    if not words:
        # The workspace itself.
        return Glob("**", (None,), below=True)
    if any(_is_strange(word) for word in words):
        return Glob("/".join(words), (), below=True, strange=True)
    segments = tuple(None if word == ANY_DEPTH else segment(word) for word in words)
    plain = all(one is not None and one.text is not None for one in segments)
    below = plain or pattern.endswith("/") or segments[-1] is None
    return Glob("/".join(words), _squeezed(segments), below)


def escape(path: str) -> str:
    """The pattern that means exactly this path, whatever letters are in it."""
    return "".join(f"[{c}]" if c in "*?[{}\\" else c for c in path)


def overlap(one: Glob, other: Glob) -> bool:
    """Whether some file is meant by both. Symmetric; True where nobody can tell."""
    if one.strange or other.strange:
        return True
    return _overlap(one.segments, one.below, other.segments, other.below)


def means(glob: Glob, path: str) -> bool:
    """Whether this file of the workspace is among those that the pattern means."""
    if glob.strange:
        return True
    words = tuple(segment(escape(word)) for word in path.split("/") if word)
    return _overlap(glob.segments, glob.below, words, False)


@lru_cache(maxsize=65536)
def segment(word: str) -> Segment:
    """The segment that a word is; not of `**`, and of nothing strange."""
    return Segment(word)


def meet(one: Segment, other: Segment) -> bool:
    """Whether one name fits both segments."""
    if other.text is not None:
        return one.fits(other.text) is not None
    if one.text is not None:
        return other.fits(one.text) is not None
    return one is other or _meet(one.tokens, other.tokens)


def _check(pattern: str) -> None:
    if not pattern.strip():
        raise BadPattern("A path is empty.")
    if len(pattern) > LONGEST:
        raise BadPattern(f"A path has {LONGEST} characters at most.")
    if "\0" in pattern or any("\ud800" <= c <= "\udfff" for c in pattern):
        raise BadPattern("A path has characters that no file's name can have.")
    if pattern.startswith(("/", "~")):
        raise BadPattern(f"{pattern!r}: write it as seen from the workspace.")


def _is_strange(word: str) -> bool:
    at = 0
    while at < len(word):
        if word[at] in _STRANGE:
            if word[at] != "[" or word[at + 2 : at + 3] != "]":
                return True
            at += 2
        at += 1
    # `a**b` and `***` mean something else to each program.
    return ANY_DEPTH in word and word != ANY_DEPTH


def _tokens(word: str) -> tuple[_Token, ...]:
    found: list[_Token] = []
    at = 0
    while at < len(word):
        letter = word[at]
        if letter == "[":
            found.append(word[at + 1])
            at += 2
        elif letter == "*":
            found.append(_STAR)
        elif letter == "?":
            found.append(_ONE)
        else:
            found.append(letter)
        at += 1
    return tuple(found)


def _squeezed(
    segments: Sequence[Segment | None],
) -> tuple[Segment | None, ...]:
    """`a/**/**/b` is `a/**/b`: what follows stays small."""
    kept: list[Segment | None] = []
    for segment in segments:
        if segment is not None or not kept or kept[-1] is not None:
            kept.append(segment)
    return tuple(kept)


def _overlap(
    one: tuple[Segment | None, ...],
    one_below: bool,
    other: tuple[Segment | None, ...],
    other_below: bool,
) -> bool:
    """Row by row: can the first i segments of one and j of the other be one path?"""
    row = [True] + [False] * len(other)
    for j, right in enumerate(other):
        row[j + 1] = row[j] and right is None
    if one_below and not one:
        return True
    for i, left in enumerate(one):
        following = [row[0] and left is None]
        for j, right in enumerate(other):
            if left is None or right is None:
                # `**` is nothing, or one segment more of the other.
                reached = row[j + 1] or following[j]
            else:
                reached = row[j] and meet(left, right)
            following.append(reached)
        row = following
        if other_below and row[-1]:
            return True  # The rest of one lies below what the other names.
        if one_below and i == len(one) - 1 and any(row):
            return True
    return row[-1]


@lru_cache(maxsize=65536)
def _meet(one: tuple[_Token, ...], other: tuple[_Token, ...]) -> bool:
    """The same for letters: `*` is any number of them, `?` is one."""
    row = [True] + [False] * len(other)
    for j, right in enumerate(other):
        row[j + 1] = row[j] and right == _STAR
    for left in one:
        following = [row[0] and left == _STAR]
        for j, right in enumerate(other):
            if left == _STAR or right == _STAR:
                reached = row[j + 1] or following[j]
            else:
                reached = row[j] and (_ONE in (left, right) or left == right)
            following.append(reached)
        row = following
    return row[-1]
