"""What has to be compiled, if the machine has a C compiler."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Built:
    """How an agent is started, and the bare C program, None without a compiler.

    `directory`: where all contestants keep what is theirs, until the run is over.
    """

    child: list[str]
    bare: Path | None
    directory: Path


def build(directory: Path) -> Built:
    """Compile into the directory; where that cannot be, the agents run on Python."""
    compiler = shutil.which("cc")
    if compiler is None:
        return Built(
            [sys.executable, "-I", "-S", str(HERE / "child.py")], None, directory
        )
    for name in ("child", "bare"):
        source, target = HERE / f"{name}.c", directory / name
        subprocess.run([compiler, "-O2", "-o", target, source], check=True)
    return Built([str(directory / "child")], directory / "bare", directory)
