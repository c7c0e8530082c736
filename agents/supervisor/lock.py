"""One supervisor for each node of a data directory: a lock the kernel releases."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from typing import Any, Final

from agents.services import presence

# What is said is written over what was said, so that a full disk does not forbid it.
_ROOM: Final = 1024


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
        self.path = presence.lock_path(node)
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
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, presence.WRITE_LOCK)
        except OSError as error:
            os.close(descriptor)
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            raise Held(self._who()) from None
        self._descriptor = descriptor
        os.ftruncate(descriptor, _ROOM)
        self.say(pid=os.getpid())

    def say(self, **facts: Any) -> None:
        """Write into the lock who holds it, for those who find it taken.

        At most 1024 bytes of JSON.
        """
        assert self._descriptor is not None
        text = json.dumps(facts).encode()
        assert len(text) <= _ROOM, "the reader would see half of it"
        os.pwrite(self._descriptor, text.ljust(_ROOM), 0)

    def release(self) -> None:
        """Give it back; harmless without it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _who(self) -> str:
        facts = presence.facts(self.node)
        by = f"process {facts['pid']}" if "pid" in facts else "another process"
        at = f", at {facts['url']}" if facts.get("url") else ""
        where = self.path.parent
        return f"node {self.node!r} of {where} is already supervised by {by}{at}"
