"""The file in which the shim leaves the program's exit status.

It is made with its full length before the spawn, so that the status can be
written on a full disk too; a four-byte write is seen whole or not at all.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

NAME: Final = "exit"
_NOT_YET: Final = b"...\n"


def prepare(path: Path) -> None:
    """Make the file that says "not yet"; FileExistsError if the run had one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, _NOT_YET)
    finally:
        os.close(descriptor)


def read(path: Path) -> tuple[int, datetime] | None:
    """The exit code and when it was written; None while there is none."""
    try:
        with path.open("rb") as file:
            text = file.read(16)
            written = os.fstat(file.fileno()).st_mtime
    except OSError:
        return None
    if len(text) != len(_NOT_YET) or not text[:3].isdigit():
        return None
    return int(text[:3]), datetime.fromtimestamp(written, UTC)
