"""Spawning: a program behind a shim, its output straight into files.

Never with a `preexec_fn`, which forks the hub's whole memory: posix_spawn(3), and
Popen where the shim is a script, share it until the exec.
"""

from __future__ import annotations

import os
import signal
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agents.adapters.launch import Launch
from agents.supervisor.process import exit_file, shim
from agents.supervisor.process.census import ProcessId, look_at
from agents.supervisor.process.mark import mark_of, wearing

_APPEND: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Spawned:
    """The shim, which leads the run's session and group."""

    leader: ProcessId
    pidfd: int


def lay_out(folder: Path, stdin: str) -> None:
    """Make `folder` (0700) with `out`, `err`, `exit` and, if wanted, `stdin`.

    OSError when the system cannot; FileExistsError if it was made before.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    exit_file.prepare(folder / exit_file.NAME)
    for stream in ("out", "err"):
        os.close(os.open(folder / stream, _APPEND, 0o600))
    if stdin == "fifo":
        os.mkfifo(folder / "stdin", 0o600)


def spawn(
    launch: Launch, folder: Path, run_id: uuid.UUID, part: int | None = None
) -> Spawned:
    """Start the program in a folder that is laid out; OSError if the system cannot.

    `part`: the mark of the part of the run that it is, if it is not all of it.
    """
    with wearing(mark_of(run_id), part):
        pid = shim.start(launch, folder)
    process = look_at(pid)
    assert process is not None, "an unreaped child always has its /proc entry"
    try:
        return Spawned(process.id, os.pidfd_open(pid))
    except OSError:
        # Nobody would watch it: better none than one that is lost.
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise


def describe(error: OSError) -> str:
    """The error in words that name what ran out."""
    return f"could not spawn: {error.strerror or error} (errno {error.errno})"
