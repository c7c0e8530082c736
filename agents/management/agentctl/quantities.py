"""Numbers on a command line, with a complaint that says what would do."""

from __future__ import annotations

import argparse
import math


def seconds(text: str) -> float:
    """0 or more, and an end."""
    given = float(text)
    if not (given >= 0 and math.isfinite(given)):
        raise argparse.ArgumentTypeError("0 seconds or more")
    return given


def count(text: str) -> int:
    """0 or more."""
    given = int(text)
    if given < 0:
        raise argparse.ArgumentTypeError("0 or more")
    return given


def whole(text: str) -> int:
    """Any whole number."""
    return int(text)


def task_id(text: str) -> int:
    """What names a task, with a # before it or not."""
    given = int(text.removeprefix("#"))
    if not 0 < given < 2**63:
        raise argparse.ArgumentTypeError(f"there is no task {text}")
    return given


# argparse names the type in its complaint: "invalid number of seconds value: 'x'".
seconds.__name__ = "number of seconds"
count.__name__ = whole.__name__ = "number"
task_id.__name__ = "task"
