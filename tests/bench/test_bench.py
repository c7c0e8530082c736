"""The benchmark itself runs, on two agents, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from bench import processes

ROOT = Path(__file__).resolve().parents[2]


def bench(tmp: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run it with all that it makes below a directory of the test's own."""
    return subprocess.run(
        [sys.executable, "-m", "bench", *words],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_short_run_measures_agenthub_beside_the_bare_program(
    tmp_path: Path,
) -> None:
    words = ["--brief", "--sizes", "2", "--against", "bare-asyncio"]
    done = bench(tmp_path, "--only", "start-all", "crash", *words)
    assert done.returncode == 0, done.stderr
    for what in ("start-all", "stop-all", "crash to restarted"):
        table = done.stdout[done.stdout.index(f"| {what}, ms") :]
        row = r"^\| %s +\| +([\d.]+)"
        ours = re.search(row % "AgentHub", table, re.MULTILINE)
        theirs = re.search(row % "bare-asyncio", table, re.MULTILINE)
        assert ours and theirs, table
        assert float(ours[1]) > 0 and float(theirs[1]) > 0, table
    assert processes.belonging(tmp_path) == set()
    assert list(tmp_path.iterdir()) == []


def test_a_misspelt_measurement_is_refused_with_the_names_there_are(
    tmp_path: Path,
) -> None:
    done = bench(tmp_path, "--only", "stopall")
    assert done.returncode == 2
    assert "stop-all" in done.stderr
