"""Spawning for the tests of this room, with the sweeping up after them."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agents.adapters.launch import Launch
from agents.supervisor.process import shim, spawn
from agents.supervisor.process.census import TreeKey
from tests.harness.processes import kill_marked, program
from tests.harness.waiting import until


@dataclass
class Spawned:
    """A program that a test spawned, and where its files are."""

    run_id: uuid.UUID
    folder: Path
    marker: Path
    process: spawn.Spawned

    @property
    def pid(self) -> int:
        return self.process.leader.pid

    @property
    def key(self) -> TreeKey:
        return TreeKey(self.run_id, self.process.leader)

    def out(self) -> str:
        return (self.folder / "out").read_text()

    def noted(self, who: str) -> list[int]:
        """The pids that have noted themselves as `who`."""
        if not self.marker.exists():
            return []
        lines = [line.split() for line in self.marker.read_text().splitlines()]
        return [int(pid) for name, pid in lines if name == who]

    def wait_for(self, text: str) -> str:
        try:
            return until(lambda: self.out() if text in self.out() else "", what=text)
        except AssertionError as error:
            error.add_note((self.folder / "err").read_text())
            raise

    def exit_code(self) -> int:
        """Wait for the end, as a parent does."""
        _, status = os.waitpid(self.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        return code if code >= 0 else 128 - code


class Spawner:
    """Spawns programs, and ends what is left of them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.spawned: list[Spawned] = []

    def program(self, mode: str, *arguments: str, stdin: str = "none") -> Spawned:
        """One of the modes of tests/harness/program.py."""
        return self(*program(mode, *arguments), stdin=stdin)

    def __call__(self, *argv: str, stdin: str = "none") -> Spawned:
        run_id = uuid.uuid4()
        folder, marker = self.root / run_id.hex, self.root / f"{run_id.hex}.marker"
        env = {
            "PATH": os.environ["PATH"],
            "MARKER": str(marker),
            "AGENTHUB_RUN": str(run_id),
        }
        program = shutil.which(argv[0]) or argv[0]
        launch = Launch(
            argv=(program, *argv[1:]), cwd=str(self.root), env=env, stdin=stdin
        )
        spawn.lay_out(folder, launch.stdin)
        process = spawn.spawn(launch, folder, run_id)
        self.spawned.append(Spawned(run_id, folder, marker, process))
        return self.spawned[-1]

    def close(self) -> None:
        for one in self.spawned:
            kill_marked([one.run_id])
            with contextlib.suppress(ChildProcessError):
                os.waitpid(one.pid, 0)
            os.close(one.process.pidfd)


@pytest.fixture(params=["built", "script"])
def spawner(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Spawner]:
    """Behind each of the two shims."""
    if request.param == "script":
        monkeypatch.setattr(shim, "built", lambda: "")
    elif not shim.built():
        pytest.skip("no shim was built here: is there a C compiler?")
    spawner = Spawner(tmp_path)
    try:
        yield spawner
    finally:
        spawner.close()
