"""How a file of a workspace gets new content: whole or not at all. Blocking.

A temporary file beside it takes its name. Readers see the old or the new; a link of
that name is never written through, and another name of the same file keeps the old.
"""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from typing import Final

from agents.execution.tools.tool import Refused
from agents.execution.tools.workspace import (
    Parts,
    Workspace,
    regular_or_refused,
    shown,
)

MOST_BYTES: Final = 4 << 20
# What stands in these is run by their tools, later and by other people.
VERSION_CONTROL: Final = frozenset({".git", ".hg", ".svn", ".jj", ".bzr"})
_TEMPORARY: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def replace(
    workspace: Workspace,
    path: Parts,
    content: bytes,
    read: os.stat_result | None = None,
) -> bool:
    """Write the file, with the directories it needs; whether it is a new one.

    `read`: the file as it was when its content was read; Refused if it is another now.
    """
    if not path:
        raise Refused("this is the workspace itself, a directory; name a file")
    _refuse_protected(path)
    if len(content) > MOST_BYTES:
        raise Refused(
            f"the file would have {len(content):,} bytes, and {MOST_BYTES:,} can be "
            "written; split it"
        )
    with workspace.directory(path[:-1], make=True) as above:
        before = _writable(above, path)
        temporary = f".agenthub-{secrets.token_hex(8)}"
        try:
            _write(above, temporary, content, before)
            if read is not None and not _same(read, _writable(above, path)):
                raise Refused(f"{shown(path)} has changed since it was read; try again")
            os.rename(temporary, path[-1], src_dir_fd=above, dst_dir_fd=above)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=above)
            raise
    return before is None


def _refuse_protected(path: Parts) -> None:
    for name in path:
        # Also where the file system does not tell .GIT from .git.
        if name.lower() in VERSION_CONTROL:
            raise Refused(
                f"{shown(path)}: what is in {name} belongs to version control and "
                "cannot be written by this tool"
            )


def _writable(above: int, path: Parts) -> os.stat_result | None:
    """The file that is there and may be replaced; None where there is none."""
    try:
        found = os.stat(path[-1], dir_fd=above, follow_symlinks=False)
    except FileNotFoundError:
        return None
    regular_or_refused(found.st_mode, path)
    # A rename would not ask.
    if not found.st_mode & 0o222:
        raise Refused(f"{shown(path)} is read-only; a person has to allow writing it")
    return found


def _same(read: os.stat_result, now: os.stat_result | None) -> bool:
    return now is not None and (
        (read.st_ino, read.st_dev, read.st_size, read.st_mtime_ns)
        == (now.st_ino, now.st_dev, now.st_size, now.st_mtime_ns)
    )


def _write(
    above: int, name: str, content: bytes, before: os.stat_result | None
) -> None:
    descriptor = os.open(name, _TEMPORARY, 0o666, dir_fd=above)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        if before is not None:
            with suppress(PermissionError):
                os.fchown(descriptor, before.st_uid, before.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(before.st_mode) & 0o777)
        left = memoryview(content)
        while left:
            left = left[file.write(left) :]
        # Else a power cut may leave the new name with nothing in it.
        os.fsync(descriptor)
