"""Every living process of a fleet, found without the product's own census.

A process is ours if it could write into the fleet's diaries: its environment or its
command line names them. Whose it is, it says itself, or the mark that it wears.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterable, Iterator
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


def sweep(root: Path, runs: Callable[[], Iterable[uuid.UUID]]) -> list[Found]:
    """All of them. `runs`: whose marks may be met, asked for when all are seen.

    A run's row comes before its process: so asked, none can be missing.
    """
    ours = str(diaries(root)).encode()
    seen = [
        (int(folder.name), command, environment, _mark(folder))
        for folder, command, environment in _readable()
        if ours in command or environment.get(b"MARKER", b"").startswith(ours)
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


def _readable() -> Iterator[tuple[Path, bytes, dict[bytes, bytes]]]:
    for folder in Path("/proc").glob("[0-9]*"):
        # It may be gone by now, or another user's.
        with contextlib.suppress(OSError):
            text = (folder / "environ").read_bytes()
            command = (folder / "cmdline").read_bytes()
            if command:  # Else it is a zombie, or about to be one.
                yield folder, command, _variables(text)


def _variables(text: bytes) -> dict[bytes, bytes]:
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


def _mark(folder: Path) -> str:
    with contextlib.suppress(OSError):
        for line in (folder / "limits").read_text().splitlines():
            if line.startswith("Max file locks"):
                return line.split()[3]
    return ""
