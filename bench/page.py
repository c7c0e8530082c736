"""What a run says: for a terminal, and between the marks of docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.figures import Figures
from bench.tables import aligned, tables
from bench.targets import verdicts

PAGE: Final = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN: Final = "<!-- From here: written by `make bench ARGS=--write`. -->\n"
END: Final = "<!-- To here. -->\n"
WORDS: Final = {True: "held", False: "**missed**", None: "not judged"}


def report(figures: Figures, seconds: float, left_out: Sequence[str]) -> str:
    """The verdicts first, then every table, then what this was measured on."""
    rows = [(one.target, one.seen, WORDS[one.held]) for one in verdicts(figures)]
    parts = [
        "\n".join(aligned([("target", "seen", ""), *rows])) if rows else "",
        "In brackets: as a multiple of bare-asyncio, or else of the last line.",
        tables(figures).strip(),
        _machine(seconds),
        *(f"Left out: {reason}." for reason in left_out),
    ]
    return "\n\n".join(part for part in parts if part)


def write(text: str) -> None:
    """Put it in the place of what an earlier run wrote."""
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise RuntimeError(f"{PAGE.name} has lost its marks {BEGIN!r} and {END!r}")
    PAGE.write_text(f"{before}{BEGIN}\n{text.strip()}\n\n{END}{after}")


def _machine(seconds: float) -> str:
    cores, load = os.cpu_count(), os.getloadavg()[0]
    kernel = ".".join(platform.release().split("-")[0].split(".")[:2])
    return (
        f"One run of {seconds / 60:.0f} min on a machine with {cores} cores, Linux "
        f"{kernel}, Python {platform.python_version()}, SQLite "
        f"{sqlite3.sqlite_version}; load average at its end: {load:.1f}."
    )
