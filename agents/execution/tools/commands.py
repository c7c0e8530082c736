"""Programs that a tool runs: to their end, or to the end of their time or output.

Each is a part of its agent's run; nothing of it is left when it is over. Whose
command it is and what the model is told about it is for the tools.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from agents.adapters.launch import Launch
from agents.execution.tools import finishing
from agents.execution.tools.tool import Refused, Surroundings
from agents.supervisor.process import exit_file, part, spawn
from agents.supervisor.process.part import Part

STREAMS: Final = ("out", "err")
# How long what was asked to end may take before KILL (seconds).
GRACE: Final = 2.0
# On disk, of both streams, while it runs; looked at so often (bytes, seconds).
MOST_OUTPUT: Final = 64 << 20
LOOK: Final = 0.25
LOOK_AGAIN: Final = 0.05


class Why(StrEnum):
    """Why it is over."""

    BY_ITSELF = "by itself"
    OVERDUE = "overdue"
    FLOOD = "flood"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Kept:
    """How much of a stream is handed on: of its beginning and of its end (bytes)."""

    head: int
    tail: int


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What a program said. `left_out`: bytes between its beginning and its end."""

    size: int
    head: str
    tail: str = ""
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended and what it said. `left`: processes that had to be killed
    with it; `stuck`: those that even KILL has not ended yet."""

    why: Why
    code: int | None
    out: Excerpt
    err: Excerpt
    left: int
    stuck: int


async def run(
    launch: Launch, around: Surroundings, timeout: float, kept: Kept
) -> Finished:
    """Run it for at most so many seconds; Refused when the system cannot start it.

    Cancelled, it ends all of it first.
    """
    folder = around.folder / "commands" / uuid.uuid4().hex
    beginning = finishing.begin(_begin, launch, folder, around.run_id)
    try:
        begun = await finishing.finish(beginning)
    except asyncio.CancelledError:
        # It was spawned all the same, and nobody else knows of it.
        if beginning.exception() is None:
            await _end(beginning.result(), kept)
        raise
    try:
        why = await _over(begun, timeout)
    except BaseException:
        await _end(begun, kept)
        raise
    return await _end(begun, kept, why)


def _begin(launch: Launch, folder: Path, run_id: uuid.UUID) -> Part:
    try:
        return part.begin(launch, folder, run_id)
    except (OSError, ValueError) as error:
        _remove(folder)
        words = spawn.describe(error) if isinstance(error, OSError) else str(error)
        raise Refused(words) from None


async def _over(begun: Part, timeout: float) -> Why:
    """Wait until it has ended, or has to be."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    while True:
        if await _ended(begun.pidfd, min(LOOK, deadline - loop.time())):
            return Why.BY_ITSELF
        if loop.time() >= deadline:
            return Why.OVERDUE
        if await finishing.in_thread(_output, begun.folder) > MOST_OUTPUT:
            return Why.FLOOD


async def _ended(pidfd: int, patience: float) -> bool:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(pidfd, ended.set)
    try:
        async with asyncio.timeout(patience):
            await ended.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(pidfd)
    return True


async def _end(begun: Part, kept: Kept, why: Why = Why.CANCELLED) -> Finished:
    """End all of it and take its words; being cancelled only makes it impatient."""
    try:
        if why is not Why.BY_ITSELF:
            await _ask_to_end(begun)
    finally:
        finished = await finishing.in_thread(_put_away, begun, kept, why)
    return finished


async def _ask_to_end(begun: Part) -> None:
    """Ask, and give all of it its grace: a child may take longer than the leader."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + GRACE
    await finishing.in_thread(part.ask_to_end, begun)
    if await _ended(begun.pidfd, GRACE):
        while await finishing.in_thread(part.lives, begun) and loop.time() < deadline:
            await asyncio.sleep(LOOK_AGAIN)


def _put_away(begun: Part, kept: Kept, why: Why) -> Finished:
    ended = part.end(begun)
    try:
        out, err = (_excerpt(begun.folder / stream, kept) for stream in STREAMS)
    finally:
        _remove(begun.folder)
    return Finished(why, ended.code, out, err, ended.left, ended.stuck)


def _output(folder: Path) -> int:
    return sum((folder / stream).stat().st_size for stream in STREAMS)


def _excerpt(path: Path, kept: Kept) -> Excerpt:
    whole = kept.head + kept.tail
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size <= whole:
            return Excerpt(size, file.read(whole).decode(errors="replace"))
        head = file.read(kept.head)
        file.seek(size - kept.tail)
        tail = file.read(kept.tail)
    # A letter that the cut has torn is no wrong one.
    return Excerpt(
        size,
        head.decode(errors="replace").rstrip("\ufffd"),
        tail.decode(errors="replace").lstrip("\ufffd"),
        size - whole,
    )


def _remove(folder: Path) -> None:
    """Its own files and no others: what it said is the transcript's from now on."""
    for name in (*STREAMS, exit_file.NAME):
        with suppress(OSError):
            (folder / name).unlink()
    with suppress(OSError):
        folder.rmdir()
