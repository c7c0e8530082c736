"""The two agents of the benchmark, compiled and not, say and write the same."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from bench import build as building
from bench.agents import Agent
from bench.births import Births
from bench.child import BLOCK

BYTES = 3 * len(BLOCK) + 5000


@pytest.fixture(params=["compiled", "python"])
def child(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    if request.param == "python":
        monkeypatch.setattr(shutil, "which", lambda name: None)
    elif shutil.which("cc") is None:
        pytest.skip("there is no C compiler (cc)")
    built = building.build(tmp_path)
    assert (built.bare is None) == (request.param == "python")
    return built.child


def test_it_tells_its_birth_and_writes_what_is_expected(
    child: list[str], tmp_path: Path
) -> None:
    births, output = Births(tmp_path / "fifo"), tmp_path / "out"
    argv = Agent(7, "burst", BYTES).argv(child, str(births.path))
    try:
        with output.open("wb") as file:
            process = subprocess.Popen(argv, stdout=file)
        births.wait(0, {7}, 20.0)
        assert births.pids() == {7: process.pid}
        os.kill(process.pid, signal.SIGUSR1)
        births.wait(0, {7}, 20.0, done=True)
        assert process.wait(20.0) == 0
    finally:
        births.close()
    assert output.read_bytes() == (BLOCK * 4)[:BYTES]


def test_it_runs_though_nobody_listens(child: list[str], tmp_path: Path) -> None:
    argv = Agent(1, "fail").argv(child, str(tmp_path / "no fifo"))
    assert subprocess.run(argv, timeout=20, check=False).returncode == 1
