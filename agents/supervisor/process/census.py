"""One sweep over /proc for all agents: which process belongs to which run.

A tree is a run's session and group, whatever wears its mark, and all their
descendants. Zombies hold nothing and are left out.
"""

from __future__ import annotations

import os
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

from agents.supervisor.process.mark import (
    is_probe,
    mark_of,
    of_one_run,
    probe_mark,
    read_mark,
    read_run_variable,
)

# proc(5) counts times in these; `starttime` is on the boot clock.
TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_PF_FORKNOEXEC: Final = 0x40  # include/linux/sched.h: forked but did not exec.
DEAD: Final = frozenset("ZXx")
# More bytes than 52 numbers and a name can have, and how many of the numbers matter.
_LONGEST: Final = 4096
_WANTED: Final = 22


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process for certain: a pid alone may be somebody else's by now."""

    pid: int
    ticks: int


@dataclass(frozen=True, slots=True)
class Process:
    """One row of the sweep. `cpu_ticks` include reaped children's."""

    pid: int
    ticks: int
    ppid: int
    group: int
    session: int
    state: str
    flags: int
    cpu_ticks: int
    rss_pages: int

    @property
    def id(self) -> ProcessId:
        """Its certain name."""
        return ProcessId(self.pid, self.ticks)


@dataclass(frozen=True, slots=True)
class TreeKey:
    """What a run's processes are known by."""

    run_id: uuid.UUID
    leader: ProcessId | None


def look_at(pid: int) -> Process | None:
    """One process from /proc/PID/stat (proc(5)); None when it is gone."""
    try:
        # A file object would ask the kernel five things more, of thousands of files.
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        text = os.read(descriptor, _LONGEST)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    # The name in brackets may hold spaces and brackets: cut at the last one.
    fields = text[text.rindex(b")") + 2 :].split(b" ", _WANTED)
    return Process(
        pid=pid,
        state=fields[0].decode(),
        ppid=int(fields[1]),
        group=int(fields[2]),
        session=int(fields[3]),
        flags=int(fields[6]),
        cpu_ticks=sum(int(field) for field in fields[11:15]),
        ticks=int(fields[19]),
        rss_pages=int(fields[21]),
    )


def is_alive(process: ProcessId) -> bool:
    """Whether this very process is there and no zombie."""
    found = look_at(process.pid)
    return (
        found is not None and found.ticks == process.ticks and found.state not in DEAD
    )


def has_executed(leader: int) -> bool:
    """Whether the shim's child has become the program.

    Between fork and exec the kernel flags the child; without the list of
    children in /proc (CONFIG_PROC_CHILDREN) the spawn itself has to do.
    """
    try:
        with open(f"/proc/{leader}/task/{leader}/children", "rb") as file:
            children = file.read().split()
    except OSError:
        return True
    return any(
        (child := look_at(int(pid))) is not None and not child.flags & _PF_FORKNOEXEC
        for pid in children
    )


def sweep() -> dict[int, Process]:
    """Every living process of the machine but the caller."""
    own = os.getpid()
    return {
        pid: process
        for name in os.listdir("/proc")
        if name.isdecimal()
        and (pid := int(name)) != own
        and (process := look_at(pid)) is not None
        and process.state not in DEAD
    }


def open_files(pid: int) -> int:
    """How many files a process has open; 0 when it is gone or not ours to ask."""
    folder = f"/proc/{pid}/fd"
    try:
        # Since Linux 6.2 the folder's size is the number; before, it is 0.
        return os.stat(folder).st_size or len(os.listdir(folder))
    except OSError:
        return 0


class Census:
    """Takes sweeps and remembers whose mark a process wears, which never changes."""

    def __init__(self, sweep: Callable[[], dict[int, Process]] = sweep) -> None:
        self._sweep = sweep
        self._marks: dict[ProcessId, int | None] = {}

    def take(self) -> dict[int, Process]:
        """Every living process of the machine but the caller."""
        found = self._sweep()
        living = {process.id for process in found.values()}
        self._marks = {key: m for key, m in self._marks.items() if key in living}
        return found

    def trees(
        self, found: dict[int, Process], keys: Iterable[TreeKey]
    ) -> dict[uuid.UUID, list[Process]]:
        """The living processes of each run; an empty list for an empty tree."""
        keys = list(keys)
        trees: dict[uuid.UUID, list[Process]] = {key.run_id: [] for key in keys}
        # A session's number is only trusted while its leader stands for it.
        sessions = {
            key.leader.pid: key.run_id
            for key in keys
            if key.leader is not None
            and (leader := found.get(key.leader.pid)) is not None
            and leader.ticks == key.leader.ticks
        }
        marks = {mark_of(key.run_id): key.run_id for key in keys}
        owner: dict[int, uuid.UUID] = {}
        for process in found.values():
            run_id = (
                sessions.get(process.session)
                or sessions.get(process.group)
                or self._by_mark(process, marks)
            )
            if run_id is not None:
                owner[process.pid] = run_id
        self._add_descendants(found, owner)
        for pid, run_id in owner.items():
            trees[run_id].append(found[pid])
        return trees

    def _by_mark(
        self, process: Process, marks: dict[int, uuid.UUID]
    ) -> uuid.UUID | None:
        mark = self._mark(process)
        if mark is not None:
            return marks.get(mark)
        return None if marks_work() else _by_variable(process.pid, marks)

    def probes(
        self, found: dict[int, Process], run_ids: Iterable[uuid.UUID]
    ) -> list[Process]:
        """The processes of these runs' probes."""
        marks = {probe_mark(run_id, 0) for run_id in run_ids}
        wearing = ((process, self._mark(process)) for process in found.values())
        return [
            process
            for process, mark in wearing
            if mark is not None and is_probe(mark) and of_one_run(mark) in marks
        ]

    def _mark(self, process: Process) -> int | None:
        if process.id not in self._marks:
            self._marks[process.id] = read_mark(process.pid)
        return self._marks[process.id]

    @staticmethod
    def _add_descendants(
        found: dict[int, Process], owner: dict[int, uuid.UUID]
    ) -> None:
        children: dict[int, list[int]] = defaultdict(list)
        for process in found.values():
            children[process.ppid].append(process.pid)
        queue = list(owner)
        while queue:
            parent = queue.pop()
            for child in children[parent]:
                if child not in owner:
                    owner[child] = owner[parent]
                    queue.append(child)


@cache
def marks_work() -> bool:
    """Whether this kernel shows limits at all."""
    return os.path.exists("/proc/self/limits")


def _by_variable(pid: int, marks: dict[int, uuid.UUID]) -> uuid.UUID | None:
    text = read_run_variable(pid)
    try:
        return marks.get(mark_of(uuid.UUID(text))) if text else None
    except ValueError:
        return None


def which_live(leaders: dict[str, ProcessId]) -> set[str]:
    """The names whose process is alive."""
    return {name for name, leader in leaders.items() if is_alive(leader)}
