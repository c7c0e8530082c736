"""A probe's program: spawned in a session of its own, ended to the last process.

It wears the mark of its run's probe, so that whatever it leaves is found: by this hub
when it is over, and by the next one if this hub is killed in between.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from agents.adapters.launch import Launch
from agents.supervisor.process import signals
from agents.supervisor.process.census import Process, ProcessId, look_at
from agents.supervisor.process.limits import soft_file_limit
from agents.supervisor.process.mark import read_mark, wearing
from agents.supervisor.process.reaping import adopted_children

# The hub's own limit of open files is higher than programs are used to.
_SHIM: Final = 'ulimit -S -n "$1"; shift; exec "$@"'


@dataclass(frozen=True, slots=True)
class Checking:
    """A probe's program under way. Both descriptors are the holder's to close.

    `output`: where what it says is read, without waiting.
    """

    leader: ProcessId
    pidfd: int
    output: int
    mark: int

    def close(self) -> None:
        """Give the descriptors back."""
        os.close(self.pidfd)
        os.close(self.output)


def begin(launch: Launch, mark: int) -> Checking:
    """Start the program; OSError when the system cannot."""
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    os.set_blocking(writing, True)
    try:
        with wearing(mark):
            child = subprocess.Popen(
                ["/bin/sh", "-c", _SHIM, "agenthub", soft_file_limit(), *launch.argv],
                cwd=launch.cwd,
                env=dict(launch.env),
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                start_new_session=True,
            )
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    # It is reaped by `end`; Popen shall not try as well.
    child.returncode = 0
    process = look_at(child.pid)
    assert process is not None, "an unreaped child always has its /proc entry"
    try:
        return Checking(process.id, os.pidfd_open(child.pid), reading, mark)
    except OSError:
        os.close(reading)
        os.killpg(child.pid, signal.SIGKILL)
        os.waitpid(child.pid, 0)
        raise


def end(checking: Checking) -> None:
    """KILL its group, itself included; harmless to what has ended. Before `reap`."""
    # Until it is reaped its number is nobody else's.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(checking.leader.pid, signal.SIGKILL)


def reap(checking: Checking) -> int | None:
    """Its exit code (128+n for a signal); None while it has not ended."""
    pid, status = os.waitpid(checking.leader.pid, os.WNOHANG)
    if pid == 0:
        return None
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def end_orphans(checking: Checking) -> int:
    """KILL what it left in other sessions; how many there were.

    What a victim leaves behind comes to the hub in turn, and to the next call.
    """
    left = 0
    for pid in adopted_children():
        if pid == checking.leader.pid or read_mark(pid) != checking.mark:
            continue
        process = look_at(pid)
        if process is None:
            continue
        left += 1
        if process.state == "Z":
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        else:
            signals.send(process.id, signal.SIGKILL)
    return left


def end_leaked(processes: Iterable[Process]) -> int:
    """KILL what the probes of a hub that was killed have left; how many."""
    return signals.send_to_each(processes, signal.SIGKILL)
