"""A mark that every process of a run, or of its probe, carries and cannot lose.

The mark is the soft limit RLIMIT_LOCKS, which Linux has not enforced since 2.4.25
(getrlimit(2)) but still inherits through fork, exec, setsid and `env -i`, and
shows to everybody in /proc/PID/limits. It outlives the hub. A part of a run wears
one of its own beside it: RLIMIT_RSS, which has had no effect since 2.4.30.
"""

from __future__ import annotations

import resource
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Final

_RLIMIT_LOCKS: Final = 10  # Not named by Python; the same on every Linux but MIPS.
_ROW: Final = b"Max file locks"
_PART_ROW: Final = b"Max resident set"
_HIGH: Final = 1 << 56
_PROBE: Final = 1 << 57
_SLOT_BITS: Final = 8

_only_one = threading.Lock()


def mark_of(run_id: uuid.UUID) -> int:
    """The run's mark: 57 bits, so that no real limit looks like one."""
    return _HIGH | (run_id.int & (_HIGH - 1))


def probe_mark(run_id: uuid.UUID, slot: int) -> int:
    """The mark of a run's probe in this place of the list: never one of a run.

    A probe's processes are no part of the run's tree, and are found all the same.
    """
    bits = 56 - _SLOT_BITS
    low = run_id.int & ((1 << bits) - 1)
    return _PROBE | (low << _SLOT_BITS) | (slot & ((1 << _SLOT_BITS) - 1))


def is_probe(mark: int) -> bool:
    """Whether this is the mark of a probe, and not of a run."""
    return mark >= _PROBE


def of_one_run(mark: int) -> int:
    """A probe's mark without its place: the same for all probes of one run."""
    return mark >> _SLOT_BITS << _SLOT_BITS


@contextmanager
def wearing(mark: int, part: int | None = None) -> Iterator[None]:
    """This process wears the marks for a moment, so that a child inherits them."""
    limits = {_RLIMIT_LOCKS: mark}
    if part is not None:
        limits[resource.RLIMIT_RSS] = part
    with _only_one, ExitStack() as worn:
        for limit, value in limits.items():
            # Not Linux, or a low hard limit: the environment is left.
            with suppress(OSError, ValueError):
                soft, hard = resource.getrlimit(limit)
                resource.setrlimit(limit, (value, hard))
                worn.callback(resource.setrlimit, limit, (soft, hard))
        yield


def read_mark(pid: int) -> int | None:
    """The mark that a process wears; None without one or without the process."""
    return _read(pid, _ROW)


def read_part_mark(pid: int) -> int | None:
    """The mark of the run's part that a process belongs to, likewise."""
    return _read(pid, _PART_ROW)


def _read(pid: int, row: bytes) -> int | None:
    try:
        with open(f"/proc/{pid}/limits", "rb") as file:
            text = file.read()
    except OSError:
        return None
    at = text.find(row)
    if at < 0:
        return None
    soft = text[at + len(row) :].split(None, 1)[0]
    if not soft.isdigit():
        return None
    value = int(soft)
    return value if value >= _HIGH else None


def read_run_variable(pid: int) -> str | None:
    """AGENTHUB_RUN in the environment the process was started with."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            environment = file.read()
    except OSError:
        return None
    for entry in environment.split(b"\0"):
        if entry.startswith(b"AGENTHUB_RUN="):
            return entry.partition(b"=")[2].decode("ascii", "replace")
    return None
