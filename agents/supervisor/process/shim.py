"""The shim: which stands between the hub and a program, and how one is started.

The small program of `shim.c` where it was built and works; else the same as a shell
script, which takes three times as long. Both write the exit status into a file.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Final

from agents.adapters.launch import Launch
from agents.supervisor.process import exit_file
from agents.supervisor.process.limits import soft_file_limit

# Where `make` puts it: beside the interpreter.
BUILT: Final = Path(sys.prefix) / "bin" / "agenthub-shim"
# What it says to a command line without a program.
_MISUSE: Final = 64
_APPEND: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND

# `trap :` and not `trap ''`: an ignored signal would be inherited by the program.
# Every signal that a person may choose to stop with: the shim has to outlive it.
# The shell's own words ("Killed") go nowhere; the program's stderr stays its own,
# and is opened in a subshell because dash would redirect itself as well.
# `1<>` overwrites the prepared bytes without truncating the file first.
_SCRIPT: Final = (
    "trap : HUP INT QUIT USR1 USR2 PIPE ALRM TERM VTALRM PROF; "
    "f=$1; n=$2; shift 2; exec 3>&2 2>/dev/null; "
    'ulimit -S -n "$n"; '
    '(exec "$@" 2>&3 3>&-); c=$?; printf "%03d\\n" "$c" 1<>"$f"; exit "$c"'
)
_SHELL: Final = ("/bin/sh", "-c", _SCRIPT, "agenthub")


@cache
def built() -> str:
    """The shim that was built and runs on this machine; empty where there is none."""
    if not os.access(BUILT, os.X_OK):
        return ""
    try:
        done = subprocess.run([BUILT], capture_output=True, timeout=10, check=False)
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise  # The machine's trouble of this moment says nothing about it.
        return ""
    return str(BUILT) if done.returncode == _MISUSE else ""


def start(launch: Launch, folder: Path) -> int:
    """Start the program in a session of its own, behind a shim: the shim's pid.

    Its files are in `folder`. OSError when the system cannot; ValueError for what
    exec can never take.
    """
    words = (f"{folder}/{exit_file.NAME}", soft_file_limit(), *launch.argv)
    files = (
        _standard_input(launch, folder),
        (f"{folder}/out", _APPEND),
        (f"{folder}/err", _APPEND),
    )
    if program := built():
        return _spawn([program, *words], launch, files)
    return _popen((*_SHELL, *words), launch, files)


def _standard_input(launch: Launch, folder: Path) -> tuple[str, int]:
    if launch.stdin != "fifo":
        return os.devnull, os.O_RDONLY
    # For both, so that it never blocks and never ends when a writer goes.
    return f"{folder}/stdin", os.O_RDWR


def _spawn(argv: list[str], launch: Launch, files: Sequence[tuple[str, int]]) -> int:
    """posix_spawn(3) knows no directory: the shim enters the one it gets as 3."""
    directory = os.open(launch.cwd, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return os.posix_spawn(
            argv[0],
            argv,
            launch.env,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, directory, len(files)),
                *(
                    (os.POSIX_SPAWN_OPEN, number, path, flags, 0o600)
                    for number, (path, flags) in enumerate(files)
                ),
            ],
            setsid=True,
            # Python ignores these, and what is ignored is inherited.
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
        )
    finally:
        os.close(directory)


def _popen(
    argv: Sequence[str], launch: Launch, files: Sequence[tuple[str, int]]
) -> int:
    with ExitStack() as opened:
        stdin, out, err = (_open(path, flags, opened) for path, flags in files)
        child = subprocess.Popen(
            argv,
            cwd=launch.cwd,
            env=dict(launch.env),
            stdin=stdin,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    # The child is reaped through its pidfd; Popen shall not try as well.
    child.returncode = 0
    return child.pid


def _open(path: str, flags: int, files: ExitStack) -> int:
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
    files.callback(os.close, descriptor)
    return descriptor
