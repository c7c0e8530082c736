"""The sweep where there is no /proc: the same rows, by psutil."""

from __future__ import annotations

import os

import psutil

from agents.supervisor.process.census import Process

_ATTRIBUTES = ["pid", "ppid", "create_time", "status", "cpu_times", "memory_info"]


def sweep() -> dict[int, Process]:
    """Every living process of the machine but the caller."""
    ticks = os.sysconf("SC_CLK_TCK")
    page = os.sysconf("SC_PAGE_SIZE")
    own = os.getpid()
    found = {}
    for process in psutil.process_iter(_ATTRIBUTES):
        values = process.info
        pid = values["pid"]
        if pid == own or values["status"] == psutil.STATUS_ZOMBIE:
            continue
        cpu, memory = values["cpu_times"], values["memory_info"]
        try:
            group, session = os.getpgid(pid), os.getsid(pid)
        except OSError:
            continue
        found[pid] = Process(
            pid=pid,
            ticks=int((values["create_time"] or 0) * ticks),
            ppid=values["ppid"] or 0,
            group=group,
            session=session,
            state="S",
            flags=0,
            cpu_ticks=0 if cpu is None else int(sum(cpu[:4]) * ticks),
            rss_pages=0 if memory is None else memory.rss // page,
        )
    return found


def open_files(pid: int) -> int:
    """How many files a process has open; 0 when it is gone or not ours to ask."""
    try:
        return int(psutil.Process(pid).num_fds())
    except psutil.Error:
        return 0
