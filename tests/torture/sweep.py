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
class Found:
    """One process. `run` None: it belongs to none of the given ones."""

    pid: int
    agent: str
    run: uuid.UUID | None
    command: str


def sweep(
    root: Path,
    runs: Callable[[], Iterable[uuid.UUID]],
    pids: Iterable[int] | None = None,
) -> list[Found]:
    """All of them, or those of `pids`.

    `runs`: whose marks may be met; asked for when all are seen. A run's row comes
    before its process: so asked, none can be missing.
    """
    ours = str(diaries(root)).encode()
    seen = [
        (pid, command, environment, _mark(pid))
        for pid in (_all() if pids is None else pids)
        if ours in (command := _read(pid, "cmdline") or b"")
        and (environment := _environment(pid)) is not None
    ]
    marks = {str(mark_of(run)): run for run in runs()}
    return [
        Found(
            pid=pid,
            agent=_agent(command, environment),
            run=_named(environment) or marks.get(mark),
            command=command.replace(b"\0", b" ").decode(errors="replace").strip(),
        )
        for pid, command, environment, mark in seen
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


def _agent(command: bytes, environment: dict[bytes, bytes]) -> str:
    """A daemon without environment names its agent's notes on its command line."""
    if name := environment.get(b"AGENTHUB_AGENT"):
        return name.decode()
    words = command.decode(errors="replace").split("\0")
    return next((Path(w).stem for w in words if w.endswith(".notes")), "")


def _named(environment: dict[bytes, bytes]) -> uuid.UUID | None:
    text = environment.get(b"AGENTHUB_RUN")
    return uuid.UUID(text.decode()) if text else None


def _mark(pid: int) -> str:
    for line in (_read(pid, "limits") or b"").decode().splitlines():
        if line.startswith("Max file locks"):
            return line.split()[3]
    return ""
