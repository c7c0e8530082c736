"""One supervisor for each node of a data directory: a lock the kernel releases."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import struct
from pathlib import Path
from typing import Any, Final

from django.conf import settings

# struct flock of 64-bit Linux: type, whence, start, length, pid.
_FLOCK: Final = "hhqqi4x"
_WRITE_LOCK: Final = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)


class Held(Exception):
    """Another process supervises this node; the message says which."""


class NodeLock:
    """An exclusive lock on `<data>/supervisor-<node>.lock`.

    It ends with its process, however that ends; children do not inherit it.
    An open-file-description lock (fcntl(2), F_OFD_SETLK): unlike flock it can be
    asked about without taking it, and unlike lockf it survives a look from
    elsewhere in the same process.
    """

    def __init__(self, node: str) -> None:
        self.node = node
        self.path = lock_path(node)
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds it."""
        return self._descriptor is not None

    def take(self) -> None:
        """Take it at once or raise Held."""
        if self.held:
            return
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _WRITE_LOCK)
        except OSError as error:
            os.close(descriptor)
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            raise Held(_who(self.path, self.node)) from None
        self._descriptor = descriptor
        self.say(pid=os.getpid())

    def say(self, **facts: Any) -> None:
        """Write into the lock who holds it, for those who find it taken."""
        assert self._descriptor is not None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, json.dumps(facts).encode(), 0)

    def release(self) -> None:
        """Give it back; harmless without it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


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
        answer = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _WRITE_LOCK)
    finally:
        os.close(descriptor)
    return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)


def _who(path: Path, node: str) -> str:
    try:
        facts = json.loads(path.read_text())
    except (OSError, ValueError):
        facts = {}
    by = f"process {facts['pid']}" if "pid" in facts else "another process"
    at = f", at {facts['url']}" if facts.get("url") else ""
    return f"node {node!r} of {path.parent} is already supervised by {by}{at}"
