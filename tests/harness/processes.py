"""The processes of runs, found without the product's own census, and ended."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Collection
from pathlib import Path

from agents.supervisor.process.mark import mark_of
from tests.harness.waiting import until

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(__file__).with_name("program.py")


def program(mode: str, *arguments: str) -> list[str]:
    """The command line of the test program in one of its modes."""
    return [sys.executable, "-I", "-S", str(PROGRAM), mode, *arguments]


def state_of(pid: int) -> str:
    """The letter in /proc/PID/stat; empty when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return text[text.rindex(")") + 2]


def lives(pid: int) -> bool:
    """Whether a process of this number is there and no zombie."""
    return state_of(pid) not in ("", "Z", "X")


def marked(run_ids: Collection[uuid.UUID]) -> dict[int, str]:
    """Living processes that wear one of the runs' marks or name it: pid, command."""
    marks = {str(mark_of(run_id)) for run_id in run_ids}
    variables = {f"AGENTHUB_RUN={run_id}".encode() for run_id in run_ids}
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        if pid == os.getpid() or not lives(pid):
            continue
        with contextlib.suppress(OSError):
            limits = (folder / "limits").read_text()
            environ = (folder / "environ").read_bytes().split(b"\0")
            wears = any(
                line.split()[3] in marks
                for line in limits.splitlines()
                if line.startswith("Max file locks")
            )
            if wears or not variables.isdisjoint(environ):
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                found[pid] = words.decode(errors="replace").strip()
    return found


def kill_marked(run_ids: Collection[uuid.UUID]) -> dict[int, str]:
    """End all that is left of these runs; what that was."""
    first = left = marked(run_ids)
    while left:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        until(lambda pids=tuple(left): not any(map(lives, pids)), what="KILL to work")  # type: ignore[misc]
        left = marked(run_ids)
    return first


def be_subreaper(wish: bool) -> None:
    """A manager makes its process a subreaper; tests give that back."""
    ctypes.CDLL(None).prctl(36, int(wish), 0, 0, 0)


def run_python(code: str, imports: str = "") -> subprocess.CompletedProcess[str]:
    """Run code in a new Python with the product's modules to import."""
    setup = "import django\ndjango.setup()\n"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "agenthub.settings",
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        [sys.executable, "-c", setup + imports + code],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
        check=False,
    )
