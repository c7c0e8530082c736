"""Spawning: a program behind a shim, its output straight into files.

`Popen(start_new_session=True)` takes the vfork path (about 900 spawns a second);
a `preexec_fn` would fork the hub's whole memory instead.
"""

from __future__ import annotations

import os
import signal
import subprocess
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agents.adapters.launch import Launch
from agents.supervisor.process import exit_file
from agents.supervisor.process.census import ProcessId, look_at
from agents.supervisor.process.limits import soft_file_limit
from agents.supervisor.process.mark import mark_of, wearing

# `trap :` and not `trap ''`: an ignored signal would be inherited by the program.
# Every signal that a person may choose to stop with: the shim has to outlive it.
# The shell's own words ("Killed") go nowhere; the program's stderr stays its own,
# and is opened in a subshell because dash would redirect itself as well.
# `1<>` overwrites the prepared bytes without truncating the file first.
_SHIM: Final = (
    "trap : HUP INT QUIT USR1 USR2 PIPE ALRM TERM VTALRM PROF; "
    "f=$1; n=$2; shift 2; exec 3>&2 2>/dev/null; "
    'ulimit -S -n "$n"; '
    '(exec "$@" 2>&3 3>&-); c=$?; printf "%03d\\n" "$c" 1<>"$f"; exit "$c"'
)
_RUN_SHIM: Final = ("/bin/sh", "-c", _SHIM, "agenthub")
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


def spawn(launch: Launch, folder: Path, run_id: uuid.UUID) -> Spawned:
    """Start the program in a folder that is laid out; OSError if the system cannot."""
    with ExitStack() as files:
        stdin, out, err = (
            _open(path, flags, files)
            for path, flags in (
                _standard_input(launch, folder),
                (f"{folder}/out", _APPEND),
                (f"{folder}/err", _APPEND),
            )
        )
        with wearing(mark_of(run_id)):
            child = subprocess.Popen(
                [
                    *_RUN_SHIM,
                    f"{folder}/{exit_file.NAME}",
                    soft_file_limit(),
                    *launch.argv,
                ],
                cwd=launch.cwd,
                env=dict(launch.env),
                stdin=stdin,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
    # The child is reaped through its pidfd; Popen shall not try as well.
    child.returncode = 0
    process = look_at(child.pid)
    assert process is not None, "an unreaped child always has its /proc entry"
    try:
        return Spawned(process.id, os.pidfd_open(child.pid))
    except OSError:
        # Nobody would watch it: better none than one that is lost.
        os.killpg(child.pid, signal.SIGKILL)
        os.waitpid(child.pid, 0)
        raise


def _standard_input(launch: Launch, folder: Path) -> tuple[str, int]:
    if launch.stdin != "fifo":
        return os.devnull, os.O_RDONLY
    # For both, so that it never blocks and never ends when a writer goes.
    return f"{folder}/stdin", os.O_RDWR


def _open(path: str, flags: int, files: ExitStack) -> int:
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
    files.callback(os.close, descriptor)
    return descriptor


def describe(error: OSError) -> str:
    """The error in words that name what ran out."""
    return f"could not spawn: {error.strerror or error} (errno {error.errno})"
