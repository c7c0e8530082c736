"""Commits of others, heard as they happen: the kernel tells of writes to the files.

Linux only, and only where the database is a file; elsewhere the caller looks by itself.
"""

from __future__ import annotations

import ctypes
import logging
import os
import struct
from pathlib import Path
from typing import Final

from django.db import connection

logger = logging.getLogger(__name__)

# include/uapi/linux/inotify.h; the flags of inotify_init1 are those of open(2).
_IN_MODIFY: Final = 0x002
_IN_MOVED_TO: Final = 0x080
_IN_CREATE: Final = 0x100
_EVENT: Final = struct.Struct("iIII")
_ENOUGH: Final = 65_536


class CommitWatch:
    """A descriptor that is readable after a commit; `OSError` where there is none.

    The folder is watched, not the files: the write-ahead log comes and goes.
    """

    def __init__(self) -> None:
        if connection.vendor != "sqlite":
            raise OSError("the database is no file")
        database = Path(str(connection.settings_dict["NAME"]))
        self._names = {database.name, f"{database.name}-wal"}
        libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor = _checked(libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        try:
            folder, events = os.fsencode(database.parent), _IN_MODIFY | _IN_MOVED_TO
            _checked(
                libc.inotify_add_watch(self.descriptor, folder, events | _IN_CREATE)
            )
        except OSError:
            self.close()
            raise

    def heard(self) -> bool:
        """Take what has come; whether the database's files were among it."""
        ours = False
        while True:
            try:
                data = os.read(self.descriptor, _ENOUGH)
            except BlockingIOError:
                return ours
            at = 0
            while at < len(data):
                watch, _, _, length = _EVENT.unpack_from(data, at)
                name = data[at + _EVENT.size : at + _EVENT.size + length]
                # An overflow of the queue has no watch and no name, and may hide any.
                ours |= watch < 0 or os.fsdecode(name.rstrip(b"\0")) in self._names
                at += _EVENT.size + length

    def close(self) -> None:
        """Stop listening."""
        os.close(self.descriptor)


def watch() -> CommitWatch | None:
    """A new watch; None where there can be none, which is said in the log."""
    try:
        return CommitWatch()
    except (OSError, AttributeError) as error:
        logger.info("commits are looked for, not heard of: %s", error)
        return None


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(result)
