"""What this machine's supervisor says of itself, read off its lock.

The database cannot tell that it does not answer; the lock's file can. What may enter:
reading, by any process of this machine. Taking and writing it is the supervisor's.
"""

from __future__ import annotations

import fcntl
import json
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.conf import settings

# struct flock of 64-bit Linux: type, whence, start, length, pid.
_FLOCK: Final = "hhqqi4x"
WRITE_LOCK: Final = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Hardship:
    """Why a supervisor cannot write down what it sees; `since` is ISO 8601, UTC."""

    since: str
    reason: str


def lock_path(node: str) -> Path:
    """Where the node's lock is."""
    return Path(settings.AGENTHUB_DATA_DIR) / f"supervisor-{node}.lock"


def is_held(node: str) -> bool:
    """Whether a supervisor of the node lives on this machine, right now."""
    try:
        descriptor = os.open(lock_path(node), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        answer = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, WRITE_LOCK)
    finally:
        os.close(descriptor)
    return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)


def facts(node: str) -> dict[str, Any]:
    """What the holder, or the last one, has written into the lock."""
    try:
        found = json.loads(lock_path(node).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def hardship(node: str) -> Hardship | None:
    """Why the node's supervisor waits for the database; None when it does not."""
    told = facts(node).get("degraded")
    if not told or not is_held(node):
        return None
    return Hardship(str(told["since"]), str(told["reason"]))
