"""Every living process of a fleet, found without the product's own census.

A process is ours if its command line names the fleet's diaries, as that of a shim, of
a program, of its forks and of its daemons does. Whose it is, its environment says, or
the mark that it wears.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from agents.supervisor.process.mark import mark_of
from tests.torture.fleet import diaries


@dataclass(frozen=True, slots=True)
class Seen:
    """One process as /proc has it."""

    pid: int
    command: bytes
    environment: dict[bytes, bytes]
    mark: str


@dataclass(frozen=True, slots=True)
class Found:
    """One process and whose it is. `run` None: it belongs to none of the given ones."""

    pid: int
    agent: str
    run: uuid.UUID | None
    command: str


def sweep(root: Path, pids: Iterable[int] | None = None) -> list[Seen]:
    """All of them, or those of `pids`."""
    ours = str(diaries(root)).encode()
    return [
        Seen(pid, command, environment, _mark(pid))
        for pid in (_all() if pids is None else pids)
        if ours in (command := _read(pid, "cmdline") or b"")
        and (environment := _environment(pid)) is not None
    ]


def attribute(
    seen: Iterable[Seen], runs: Callable[[], Iterable[uuid.UUID]]
) -> list[Found]:
    """Whose each is. `runs`: all there are, asked for only if a mark has to tell.

    A run's row comes before its process: asked after the sweep, none can be missing.
    """
    nameless = any(_named(process) is None for process in seen)
    marks = {str(mark_of(run)): run for run in runs()} if nameless else {}
    return [
        Found(
            pid=process.pid,
            agent=_agent(process),
            run=_named(process) or marks.get(process.mark),
            command=process.command.replace(b"\0", b" ").decode(errors="replace"),
        )
        for process in seen
    ]


def _all() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]


def _read(pid: int, name: str) -> bytes | None:
    """None when the process is gone by now, or another user's."""
    try:
        with open(f"/proc/{pid}/{name}", "rb", buffering=0) as file:
            return file.readall()
    except OSError:
        return None


def _environment(pid: int) -> dict[bytes, bytes] | None:
    text = _read(pid, "environ")
    if text is None:
        return None
    pairs = (entry.partition(b"=") for entry in text.split(b"\0"))
    return {name: value for name, _, value in pairs}


def _agent(process: Seen) -> str:
    """A daemon without environment names its agent's notes on its command line."""
    if name := process.environment.get(b"AGENTHUB_AGENT"):
        return name.decode()
    words = process.command.decode(errors="replace").split("\0")
    return next((Path(w).stem for w in words if w.endswith(".notes")), "")


def _named(process: Seen) -> uuid.UUID | None:
    text = process.environment.get(b"AGENTHUB_RUN")
    return uuid.UUID(text.decode()) if text else None


def _mark(pid: int) -> str:
    for line in (_read(pid, "limits") or b"").decode().splitlines():
        if line.startswith("Max file locks"):
            return line.split()[3]
    return ""
