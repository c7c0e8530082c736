"""A part of a run: a program beside its own, ended to the last process by itself.

It wears the run's mark, by which the supervisor finds it whatever happens to the hub,
and one of its own, so that it can be told from other parts of the same run.
"""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agents.adapters.launch import Launch
from agents.supervisor.process import reaping, signals, spawn
from agents.supervisor.process.census import (
    Process,
    ProcessId,
    is_alive,
    look_at,
    sweep,
)
from agents.supervisor.process.mark import mark_of, read_part_mark

# KILL works at once, but for what is stuck in the kernel (seconds).
ENDING: Final = 5.0
LOOK_AGAIN: Final = 0.01


@dataclass(frozen=True, slots=True)
class Part:
    """A program under way. `pidfd` tells of its leader's end; `end` closes it."""

    leader: ProcessId
    pidfd: int
    folder: Path
    mark: int


@dataclass(frozen=True, slots=True)
class PartEnded:
    """`code`: 128+n for a signal, None if nobody saw it. `left`: how many processes
    had to be killed; `stuck`: how many KILL has not ended yet."""

    code: int | None
    left: int
    stuck: int


def begin(launch: Launch, folder: Path, run_id: uuid.UUID) -> Part:
    """Start it in a new folder of its own; OSError when the system cannot."""
    mark = mark_of(uuid.uuid4())
    spawn.lay_out(folder, launch.stdin)
    spawned = spawn.spawn(launch, folder, run_id, mark)
    return Part(spawned.leader, spawned.pidfd, folder, mark)


def ask_to_end(part: Part) -> None:
    """TERM to all of it, and wake what is stopped."""
    tree = _tree(part)
    for number in (signal.SIGTERM, signal.SIGCONT):
        signals.send_to_each(tree, number)


def lives(part: Part) -> bool:
    """Whether any process of it is there."""
    return not _ended_alone(part) and bool(_tree(part))


def end(part: Part) -> PartEnded:
    """KILL what is there of it, reap it, and close the descriptor.

    Blocks until the last process is gone, or 5 s. To be called once.
    """
    victims: set[ProcessId] = set()
    deadline = time.monotonic() + ENDING
    left = [] if _ended_alone(part) else _tree(part)
    while left and time.monotonic() < deadline:
        victims.update(process.id for process in left)
        signals.send_to_each(left, signal.SIGKILL)
        time.sleep(LOOK_AGAIN)
        left = _tree(part)
    _reap_orphans(part)
    # Last, because until then its number, the session's, is nobody else's.
    ended = reaping.reap(part.leader, part.folder)
    os.close(part.pidfd)
    code = None if ended is None else ended.code
    return PartEnded(code, len(victims), len(left))


def _ended_alone(part: Part) -> bool:
    """Whether it has left nothing, told without a sweep over the whole machine.

    What it left has become our child; one without any such mark may be anybody's.
    """
    if is_alive(part.leader) or not reaping.orphans_come_here():
        return False
    marks = {read_part_mark(pid) for pid in _adopted(part)}
    return marks.isdisjoint({part.mark, None})


def _tree(part: Part) -> list[Process]:
    """The living processes of it: its session and group, its mark, all descendants."""
    leader = look_at(part.leader.pid)
    leads = leader is not None and leader.ticks == part.leader.ticks
    found = sweep()
    children: dict[int, list[Process]] = defaultdict(list)
    for process in found.values():
        children[process.ppid].append(process)
    tree = {
        pid: process
        for pid, process in found.items()
        if (leads and part.leader.pid in (process.session, process.group))
        or read_part_mark(pid) == part.mark
    }
    queue = list(tree)
    while queue:
        for child in children[queue.pop()]:
            if child.pid not in tree:
                tree[child.pid] = child
                queue.append(child.pid)
    return list(tree.values())


def _adopted(part: Part) -> set[int]:
    return reaping.adopted_children() - {part.leader.pid}


def _reap_orphans(part: Part) -> None:
    for pid in _adopted(part):
        found = look_at(pid)
        if found is None or found.state != "Z" or read_part_mark(pid) != part.mark:
            continue
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
