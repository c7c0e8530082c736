"""What is written into the standard input of an agent's program.

What may enter: whose input that is, and one write that waits for nobody. The named pipe
is in the run's folder and held open by the run, so it outlives the hub. Blocking.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import stat
import struct
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agents.models import Agent, Run
from agents.models.choices import Kind, Stdin
from agents.services.logs import default_log_store

NAME: Final = "stdin"
# What a pipe of Linux holds, in bytes; so much is taken at once or not at all.
MOST: Final = 65_536


class NoInput(ValueError):
    """Nothing was written: why, and what would help."""


class NotRead(NoInput):
    """Nothing was written, as what came before has not been read; later it may be."""


class TooLong(NoInput):
    """Nothing was written, and never will be at once."""


@dataclass(frozen=True, slots=True)
class Written:
    """The number of the run whose program has it to read now, and how many bytes."""

    run: int
    bytes: int


def write(agent: Agent, text: str) -> Written:
    """Write the text as UTF-8, whole or not at all; nothing is added to it.

    Returns at once; raises NoInput, NotRead or TooLong.
    """
    data = text.encode()
    if len(data) > MOST:
        raise _too_long(len(data), MOST)
    run = _reading_run(agent)
    path = default_log_store().root / run.folder / NAME
    try:
        with _opened(path) as pipe:
            _write_whole(agent.name, pipe, data)
    except OSError as error:
        raise _unreachable(agent, error) from None
    return Written(run.number, len(data))


def _reading_run(agent: Agent) -> Run:
    """The live run, if it was started with an input."""
    name, run = agent.name, agent.run
    if agent.internal:
        raise NoInput(f"{name} is a part of the hub itself, and reads no input.")
    if agent.external:
        raise NoInput(f"{name} was started elsewhere: the hub has no input of it.")
    if agent.kind == Kind.NATIVE_LLM:
        raise NoInput(f"{name} runs inside the hub and reads no input: ask it a task.")
    live = run is not None and run.started_at is not None and run.exited_at is None
    if run is None or not live or run.ended_at is not None:
        raise NoInput(f"{name} is not running: start it, then write to it.")
    if run.setup.get("stdin") == Stdin.FIFO:
        return run
    if agent.stdin == Stdin.FIFO:
        raise NoInput(
            f"Run {run.number} of {name} was started before its set-up had an input: "
            "restart it, then write to it."
        )
    raise NoInput(
        f"{name} reads nothing: in its set-up `stdin` is `none`. Set it to `fifo` and "
        "restart it."
    )


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """A descriptor of the pipe; OSError, ENXIO where nobody has it open to read."""
    # The agent could have put something else there: a link is not followed.
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    pipe = os.open(path, flags)
    try:
        yield pipe
    finally:
        os.close(pipe)


def _write_whole(name: str, pipe: int, data: bytes) -> None:
    """Up to PIPE_BUF bytes the kernel takes whole or not at all. More is certain to
    find room in an empty pipe alone, while nobody else writes."""
    if not stat.S_ISFIFO(os.fstat(pipe).st_mode):
        raise NoInput(f"In the place of the input of {name} is something else.")
    most = fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)
    if len(data) > most:
        raise _too_long(len(data), most)
    full = NotRead(
        f"{name} has not read what was written to it before. Nothing was written now; "
        "try again once it reads."
    )
    try:
        fcntl.flock(pipe, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if len(data) > select.PIPE_BUF and _unread(pipe):
            raise full
        os.write(pipe, data)
    except BlockingIOError:
        raise full from None


def _unread(pipe: int) -> int:
    """How many bytes are in it."""
    (number,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))
    return int(number)


def _too_long(length: int, most: int) -> TooLong:
    return TooLong(
        f"The text has {length:,} bytes, and at most {most:,} are written at once. "
        "Send it in parts."
    )


def _unreachable(agent: Agent, error: OSError) -> NoInput:
    if error.errno in (errno.ENXIO, errno.EPIPE):
        return NoInput(f"No process of {agent.name} has its standard input open.")
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return NoInput(
            f"The input of {agent.name} is not on this machine, or was taken away: it "
            f"runs on the node {agent.node}."
        )
    return NoInput(f"The input of {agent.name} cannot be written: {error.strerror}.")
