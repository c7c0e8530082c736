"""The tool `read_file`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any, Final

from agents.execution.tools import arguments as takes
from agents.execution.tools.finishing import in_thread
from agents.execution.tools.tool import Outcome, Refused, Surroundings
from agents.execution.tools.workspace import Workspace, shown
from agents.llm.request import Tool as Description

LINES: Final = 2000
# Of one answer, and of one line (bytes).
MOST: Final = 48_000
LONGEST_LINE: Final = 2000
# How far into a file it looks for a line (bytes).
FARTHEST: Final = 256 << 20
_BLOCK: Final = 1 << 20
_BINARY: Final = 8192


class ReadFile:
    """Lines of a text file, with their numbers."""

    description = Description(
        name="read_file",
        description=(
            "Read a text file of the workspace. Each line comes with its number and a "
            f"tab before it, which are not in the file. At most {LINES} lines and "
            f"{MOST:,} bytes at once, and {LONGEST_LINE:,} bytes of a line; what is "
            "left out is said."
        ),
        schema=takes.schema(
            ("path",),
            path=takes.text("The file, relative to the workspace"),
            offset=takes.whole("The first line to read", 1, 10**9, 1),
            limit=takes.whole("How many lines", 1, LINES, LINES),
        ),
    )

    async def call(self, arguments: Mapping[str, Any], around: Surroundings) -> Outcome:
        """The lines, and what is not among them."""
        return Outcome(await in_thread(_read, arguments, around))


def _read(arguments: Mapping[str, Any], around: Surroundings) -> str:
    workspace = Workspace(around.workspace)
    path = workspace.parts(arguments["path"])
    first, limit = arguments["offset"], arguments["limit"]
    with workspace.file(path) as file:
        start = file.read(_BINARY)
        if b"\0" in start:
            raise Refused(f"{shown(path)} is a binary file; only text can be read")
        if not start:
            return "[the file is empty]"
        _go_to(file, first)
        piece = file.read(MOST + 1)
    if not piece:
        raise Refused(f"{shown(path)} has fewer than {first} lines")
    if b"\0" in piece:
        raise Refused(f"{shown(path)} has NUL bytes there; only text can be read")
    return _numbered(piece, first, limit)


def _go_to(file: IO[bytes], line: int) -> None:
    """Set it to the first byte of that line, or to its end."""
    file.seek(0)
    before, at = line - 1, 0
    while before:
        block = file.read(_BLOCK)
        if not block:
            return
        if at > FARTHEST:
            raise Refused(
                f"line {line} is not in the first {FARTHEST >> 20} MiB of the file"
            )
        count = block.count(b"\n")
        if count >= before:
            end = -1
            for _ in range(before):
                end = block.index(b"\n", end + 1)
            file.seek(at + end + 1)
            return
        before -= count
        at += len(block)


def _numbered(piece: bytes, first: int, limit: int) -> str:
    cut = len(piece) > MOST
    lines = piece[:MOST].split(b"\n")
    rest = lines.pop()
    more = cut or len(lines) > limit or (len(lines) == limit and rest != b"")
    lines = lines[:limit]
    if len(lines) < limit and rest and not (cut and lines):
        # A last line without its end: the file's, or one that is longer than all.
        lines.append(rest)
    shown_lines = [_Line.of(line) for line in lines]
    text = [f"{first + n:6}\t{line.text}" for n, line in enumerate(shown_lines)]
    return "\n".join(text + _notes(shown_lines, first, more=more))


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    torn: bool
    windows: bool

    @classmethod
    def of(cls, line: bytes) -> _Line:
        windows = line.endswith(b"\r")
        line = line.removesuffix(b"\r")
        left = len(line) - LONGEST_LINE
        kept = line[:LONGEST_LINE]
        if left > 0:
            # Not in the middle of a letter, which would look like a wrong one.
            for _ in range(3):
                if line[len(kept)] & 0xC0 == 0x80:
                    kept = kept[:-1]
        text = kept.decode(errors="backslashreplace")
        if left > 0:
            text += f" […at least {len(line) - len(kept)} more bytes]"
        return cls(text, not _is_utf8(kept), windows)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _notes(lines: list[_Line], first: int, *, more: bool) -> list[str]:
    notes = []
    if more:
        notes.append(f"[the file goes on; next: offset {first + len(lines)}]")
    if any(line.windows for line in lines):
        notes.append("[lines end in CR LF]")
    if any(line.torn for line in lines):
        notes.append(r"[not all of it is UTF-8: such bytes are shown as \xNN]")
    return notes
