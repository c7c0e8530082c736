"""The only reader of output files: `<root>/<folder>/out` and `err`, bytes as written,
and of `task-<id>` beside them, a native agent's answer in the making.

What may enter: anything that looks at these files, in bounded memory. Blocking: async
code calls it in a thread. Nothing here writes, and nothing here knows the database.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final, Literal, get_args

from django.conf import settings

from agents.policy.linesearch import Match, matches, newest_matches

__all__ = [
    "STREAMS",
    "Chunk",
    "Extent",
    "LiveChunk",
    "LogStore",
    "Match",
    "Stream",
    "default_log_store",
]

Stream = Literal["out", "err"]
STREAMS: Final[tuple[Stream, ...]] = get_args(Stream)

DEFAULT_READ: Final = 64 * 1024
MAX_READ: Final = 1024 * 1024
BLOCK: Final = 256 * 1024
LOOK_BACK: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes from `offset`, which is later than asked if those bytes are gone."""

    stream: Stream
    offset: int
    next_offset: int
    eof: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class Extent:
    """The bytes that are still there: from `start`, up to and without `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class LiveChunk:
    """The newest bytes from `offset` on, which is later than asked if they are many.

    `changed_at`: when the file was last written to, in seconds of the wall clock.
    """

    offset: int
    data: bytes
    changed_at: float


class LogStore:
    def __init__(self, root: Path) -> None:
        self.root = root

    def read(
        self, folder: str, stream: str, offset: int, limit: int = DEFAULT_READ
    ) -> Chunk:
        """Up to `limit` (at most MAX_READ) bytes; an offset beyond the end stays."""
        if offset < 0:
            raise ValueError(f"an offset is 0 or more, not {offset}")
        if limit < 1:
            raise ValueError(f"a limit is 1 or more, not {limit}")
        name, path = self._locate(folder, stream)
        with _opened(path) as fd:
            if fd is None:
                return Chunk(name, offset, offset, True, b"")
            return _read(fd, name, offset, min(limit, MAX_READ))

    def live(
        self, folder: str, task_id: int, offset: int, limit: int = DEFAULT_READ
    ) -> LiveChunk:
        """What was written after `offset` of a task's answer, the newest `limit`."""
        with _opened(self._folder(folder) / f"task-{task_id}") as fd:
            if fd is None:
                return LiveChunk(0, b"", 0.0)
            status = os.fstat(fd)
            offset = max(offset, status.st_size - min(limit, MAX_READ))
            data = os.pread(fd, max(0, status.st_size - offset), offset)
            return LiveChunk(offset, data, status.st_mtime)

    def extent(self, folder: str, stream: str) -> Extent:
        with _opened(self._locate(folder, stream)[1]) as fd:
            return Extent(0, 0) if fd is None else _extent(fd)

    def tail_offset(self, folder: str, stream: str, lines: int) -> int:
        """Where the last `lines` lines begin, or as many as LOOK_BACK bytes hold."""
        if lines < 0:
            raise ValueError(f"a number of lines is 0 or more, not {lines}")
        with _opened(self._locate(folder, stream)[1]) as fd:
            return 0 if fd is None else _tail_offset(fd, lines)

    def search(
        self, folder: str, stream: str, needle: str, limit: int = 200
    ) -> list[Match]:
        """The newest `limit` lines that contain `needle` in any case, oldest first."""
        return newest_matches(self._blocks(folder, stream), needle, limit)

    def matches(self, folder: str, stream: str, needle: str) -> Iterator[Match]:
        """Every line that contains `needle` in any case, as it is found."""
        return matches(self._blocks(folder, stream), needle)

    def _blocks(self, folder: str, stream: str) -> Iterator[tuple[int, bytes]]:
        blocks = self._walk(*self._locate(folder, stream))
        return ((chunk.offset, chunk.data) for chunk in blocks)

    def chunks(self, folder: str, stream: str) -> Iterator[bytes]:
        """Everything up to the size that the file has when the first chunk is taken."""
        name, path = self._locate(folder, stream)  # complains now, not while streaming
        return (chunk.data for chunk in self._walk(name, path))

    def _walk(self, stream: Stream, path: Path) -> Iterator[Chunk]:
        with _opened(path) as fd:
            if fd is None:
                return
            offset, end = 0, os.fstat(fd).st_size
            while offset < end:
                chunk = _read(fd, stream, offset, BLOCK, end)
                if not chunk.data:
                    return
                yield chunk
                offset = chunk.next_offset

    def _locate(self, folder: str, stream: str) -> tuple[Stream, Path]:
        name = next((known for known in STREAMS if known == stream), None)
        if name is None:
            raise ValueError(f"a stream is one of {', '.join(STREAMS)}, not {stream!r}")
        return name, self._folder(folder) / name

    def _folder(self, folder: str) -> Path:
        asked = PurePath(folder)
        root = Path(os.path.realpath(self.root))
        place = Path(os.path.realpath(root / asked))
        if asked.is_absolute() or ".." in asked.parts or root not in place.parents:
            raise ValueError(f"not a folder of output: {folder!r}")
        return place


def default_log_store() -> LogStore:
    return LogStore(settings.AGENTHUB_DATA_DIR / "runs")


@contextmanager
def _opened(path: Path) -> Iterator[int | None]:
    """A descriptor of a regular file, or None if there is no such file."""
    # The agent could have put something else there: a link is refused, a FIFO must
    # not block the hub.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    fd: int | None = None
    try:
        fd = os.open(path, flags)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ValueError(f"not a regular file: {path}") from error
        raise
    try:
        if fd is not None and not stat.S_ISREG(os.fstat(fd).st_mode):
            raise ValueError(f"not a regular file: {path}")
        yield fd
    finally:
        if fd is not None:
            os.close(fd)


def _extent(fd: int) -> Extent:
    """What a punched file still has. SEEK_DATA knows blocks only: in the first one, the
    bytes before the edge of the hole are zeros that nobody wrote."""
    status = os.fstat(fd)
    try:
        start = os.lseek(fd, 0, os.SEEK_DATA)
    except OSError as error:
        # ENXIO: nothing but a hole. Anything else: holes are unknown here.
        start = status.st_size if error.errno == errno.ENXIO else 0
    if start > 0:
        block = os.pread(fd, min(status.st_blksize, BLOCK), start)
        # A block of nothing but zeros was written so: punched, it would be a hole.
        if block.strip(b"\0"):
            start += len(block) - len(block.lstrip(b"\0"))
    return Extent(start, max(start, status.st_size))


def _read(
    fd: int, stream: Stream, offset: int, limit: int, end: int | None = None
) -> Chunk:
    offset = max(offset, _extent(fd).start)
    while True:
        wanted = limit if end is None else max(0, min(limit, end - offset))
        data = os.pread(fd, wanted, offset)
        now = _extent(fd)
        if now.start <= offset:
            break
        offset = now.start  # punched under our feet: what was read may be zeros
    after = offset + len(data)
    return Chunk(stream, offset, after, after >= now.end, data)


def _tail_offset(fd: int, lines: int) -> int:
    extent = _extent(fd)
    if lines == 0:
        return extent.end
    floor = max(extent.start, extent.end - LOOK_BACK)
    earliest = end = extent.end
    while end > floor:
        begin = max(floor, end - BLOCK)
        block = os.pread(fd, end - begin, begin)
        # A newline that is the last byte of all ends a line and begins none.
        at = len(block) - (end == extent.end)
        while (at := block.rfind(b"\n", 0, at)) >= 0:
            earliest = begin + at + 1
            lines -= 1
            if lines == 0:
                return earliest
        end = begin
    whole = floor == extent.start or earliest == extent.end
    return floor if whole else earliest
