"""How much output is kept: old bytes of a file become a hole, old runs lose files.

Offsets stay true for ever, so a reader that was there goes on where it is, and one
that comes late begins at the first byte that is kept. Blocking; a thread's work.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import logging
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from agents.supervisor.process import exit_file

logger = logging.getLogger(__name__)

MIB: Final = 1 << 20
STREAMS: Final = ("out", "err")
# include/uapi/linux/falloc.h
_KEEP_SIZE_PUNCH_HOLE: Final = 0x01 | 0x02
_UNSUPPORTED: Final = frozenset({errno.EOPNOTSUPP, errno.ENOSYS})


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bytes on disk: of one stream of one run, and of all runs of an agent.

    A file is cut back once it has `slack` more than it may keep, so that a steady
    writer costs one call now and then.
    """

    stream: int = 64 * MIB
    agent: int = 512 * MIB
    slack: int = 16 * MIB

    def exceeded_by(self, found: os.stat_result) -> bool:
        """Whether this stream has more than its bytes and the slack on the disk."""
        return found.st_blocks * 512 > self.stream + self.slack


def trim(path: str, bounds: Bounds) -> int:
    """Punch a hole in front of the newest bytes; the bytes of disk given back.

    The writer is not disturbed: size and offsets stay. 0 where there is nothing to
    do, or the file system cannot, which is said in the log once.
    """
    try:
        found = os.stat(path)
        if not bounds.exceeded_by(found):
            return 0
        # Whole blocks only: the part that is kept may be a little larger.
        end = (found.st_size - bounds.stream) // found.st_blksize * found.st_blksize
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return 0
    try:
        if end > 0:
            _punch(descriptor, end)
        return max(0, found.st_blocks - os.fstat(descriptor).st_blocks) * 512
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            _say_unbounded(os.path.dirname(os.path.dirname(os.path.dirname(path))))
            return 0
        logger.warning("%s: old output is not given back: %s", path, error.strerror)
        return 0
    finally:
        os.close(descriptor)


def drop_old_runs(newest: Path, bounds: Bounds) -> list[str]:
    """Remove the output of an agent's oldest runs beyond its bound; their names.

    `newest`: the folder of the latest run, which keeps its files whatever their
    size. The others are ordered by their end; the rows of all runs stay.
    """
    try:
        others = [run for run in newest.parent.iterdir() if run != newest]
    except OSError:
        return []
    total, dropped = _output_on_disk(newest), []
    # Not by number: an agent that was made anew under an old name begins at 1.
    for run in sorted(others, key=_ended, reverse=True):
        size = _output_on_disk(run)
        total += size
        if size and total > bounds.agent:
            for stream in STREAMS:
                (run / stream).unlink(missing_ok=True)
            dropped.append(run.name)
    return dropped


class Keeper:
    """Keeps a node's output within its bounds, a look at a time."""

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._known: frozenset[Path] = frozenset()

    def look(self, runs: Collection[Path]) -> set[Path]:
        """Trim these live runs; an agent with a new run may lose its oldest output.

        Back: the runs of which a file is gone, as each is looked at here anyway.
        """
        gone = set()
        for run in runs:
            for stream in STREAMS:
                # Texts, not paths: this is done often, for every agent.
                path = f"{run}/{stream}"
                try:
                    found = os.stat(path)
                except OSError:
                    gone.add(run)
                    continue
                if self._bounds.exceeded_by(found):
                    trim(path, self._bounds)
            if run not in self._known:
                for name in drop_old_runs(run, self._bounds):
                    logger.info("%s: output of run %s removed", run.parent.name, name)
        self._known = frozenset(runs)
        return gone


def untouched(runs: Path, since: float) -> list[str]:
    """The folders of runs in which no file has come or gone since (Unix time)."""
    return [
        f"{agent.name}/{run.name}"
        for agent in _folders(runs)
        for run in _folders(agent)
        if run.stat(follow_symlinks=False).st_mtime < since
    ]


def drop_past(runs: Path, past: Mapping[str, bool]) -> None:
    """Remove these folders of ended runs; an agent's latest (True) keeps its output,
    and loses the live text of its tasks, which has become their transcript."""
    for folder, latest in past.items():
        if not latest:
            shutil.rmtree(runs / folder, ignore_errors=True)
            continue
        for text in (runs / folder).glob("task-*"):
            with contextlib.suppress(OSError):
                text.unlink()


def _folders(place: Path | os.DirEntry[str]) -> Iterator[os.DirEntry[str]]:
    """What is no link: nobody is led elsewhere to remove things."""
    with contextlib.suppress(OSError), os.scandir(place) as entries:
        yield from (one for one in entries if one.is_dir(follow_symlinks=False))


def _output_on_disk(run: Path) -> int:
    total = 0
    for stream in STREAMS:
        with contextlib.suppress(OSError):
            total += (run / stream).stat().st_blocks * 512
    return total


def _ended(run: Path) -> int:
    """When the exit status was written, or the run prepared; 0 if that is gone."""
    try:
        return (run / exit_file.NAME).stat().st_mtime_ns
    except OSError:
        return 0


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _punch(descriptor: int, end: int) -> None:
    length, mode = ctypes.c_int64(end), _KEEP_SIZE_PUNCH_HOLE
    if _libc().fallocate(descriptor, mode, ctypes.c_int64(0), length) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@cache
def _say_unbounded(folder: str) -> None:
    logger.warning(
        "%s: this file system cannot punch holes; the output of agents that run "
        "there grows without a bound",
        folder,
    )
