"""Signals to processes that are certainly the run's own.

A process is opened as a pidfd, then compared with the ticks it is known by, then
signalled through the pidfd: a pid that was given to somebody else is never hit.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable

from agents.supervisor.process.census import Process, ProcessId, is_alive, look_at


def send(process: ProcessId, number: signal.Signals) -> bool:
    """Signal one process; False when it is gone or not ours to signal."""
    try:
        pidfd = os.pidfd_open(process.pid)
    except OSError:
        return False
    try:
        found = look_at(process.pid)
        if found is None or found.ticks != process.ticks:
            return False
        signal.pidfd_send_signal(pidfd, number)
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        os.close(pidfd)
    return True


def send_to_group(
    leader: ProcessId, number: signal.Signals, ours: bool = False
) -> bool:
    """Signal the leader's whole group, and wake what is stopped in it.

    Only while the leader itself lives: then the group's number is its own. `ours`:
    it is our child and this thread reaps it, so the number is its own in any case.
    """
    if not (ours or is_alive(leader)):
        return False
    try:
        os.killpg(leader.pid, number)
        os.killpg(leader.pid, signal.SIGCONT)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def send_to_each(processes: Iterable[Process], number: signal.Signals) -> int:
    """Signal each of them; how many were reached."""
    return sum(send(process.id, number) for process in processes)
