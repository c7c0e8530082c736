"""Exits: who has ended, with which code, and the orphans that came to us.

The supervisor is a child subreaper: what an agent leaves behind becomes its
child, so that nothing escapes by forking twice.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from agents.policy.exits import describe
from agents.supervisor.process import exit_file
from agents.supervisor.process.census import ProcessId, look_at
from agents.supervisor.process.mark import is_probe, read_mark

_PR_SET_CHILD_SUBREAPER: Final = 36  # include/uapi/linux/prctl.h
_PR_GET_CHILD_SUBREAPER: Final = 37


@dataclass(frozen=True, slots=True)
class Ended:
    """A leader's end. `code` None: nobody was there to see it.

    `words`: what is known beyond the code. `hopeless`: it would end so again.
    `excused`: it is not the agent's own doing, and counts against no limit.
    """

    code: int | None
    at: datetime
    words: str = ""
    hopeless: bool = False
    excused: bool = False

    def __str__(self) -> str:
        return self.words or describe(self.code)


def become_subreaper() -> bool:
    """Orphans of our descendants become our children; False off Linux."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        return bool(libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


def orphans_come_here() -> bool:
    """Whether each orphan of our descendants is found by `adopted_children`."""
    wish = ctypes.c_int()
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        failed = libc.prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(wish), 0, 0, 0)
    except (OSError, AttributeError):
        return False
    # Without the list of children (CONFIG_PROC_CHILDREN) they come unseen.
    listed = os.path.exists(f"/proc/self/task/{os.getpid()}/children")
    return not failed and bool(wish.value) and listed


def reap(leader: ProcessId, folder: Path) -> Ended | None:
    """How this leader ended; None while it lives.

    Our own child is asked for by waitpid; what an earlier hub started has left
    its code in the exit file.
    """
    found = look_at(leader.pid)
    if found is None or found.ticks != leader.ticks:
        return last_words(folder)
    try:
        pid, status = os.waitpid(leader.pid, os.WNOHANG)
    except ChildProcessError:
        # Somebody else's child; its parent has not collected it yet.
        return None if found.state not in "ZX" else last_words(folder)
    if pid == 0:
        return None
    code = os.waitstatus_to_exitcode(status)
    return Ended(code if code >= 0 else 128 - code, datetime.now(UTC))


def last_words(folder: Path) -> Ended:
    """What the exit file tells of a leader that is gone."""
    left = exit_file.read(folder / exit_file.NAME)
    return Ended(None, datetime.now(UTC)) if left is None else Ended(*left)


def adopted_children() -> set[int]:
    """Children that this process did not make: what came to the subreaper.

    The kernel gives an orphan to the first living thread of its new parent
    (find_new_reaper in kernel/exit.c), which is the main one; the children that
    other threads have spawned are listed with those threads, and cost nothing here.
    """
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb") as file:
            return {int(pid) for pid in file.read().split()}
    except OSError:
        return set()


def reap_orphans(known: Collection[int]) -> set[int]:
    """Collect dead orphans; the pids of living ones. Only what wears a mark counts.

    The process may have children of its own, which are somebody else's to reap, and
    so are probes.
    """
    living = set()
    for pid in adopted_children().difference(known):
        process, mark = look_at(pid), read_mark(pid)
        if process is None or mark is None or is_probe(mark):
            continue
        if process.state != "Z":
            living.add(pid)
            continue
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            continue
    return living
