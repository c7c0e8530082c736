"""What a directory looks like at a moment, and what differs between two of them.

Bounded in files and time: a directory beyond that is not looked at, which is said.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

MOST_FILES: Final = 20_000
# Seconds.
LONGEST: Final = 2.0
# What no work is done in by hand; of `.git`, what tells of a commit.
PASSED_BY: Final = frozenset({"__pycache__", "node_modules", ".hg", ".svn", ".jj"})
OF_GIT: Final = ("HEAD", "logs/HEAD")
# The tools' own files while they write.
TEMPORARY: Final = ".agenthub-"

# Time of the last change, size and inode.
Print: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Files by their path below the directory. `missed`: why there are none."""

    files: Mapping[str, Print]
    missed: str = ""


def take(root: str, most: int = MOST_FILES, longest: float = LONGEST) -> Snapshot:
    """Look at every file; links are not followed. Blocking."""
    files: dict[str, Print] = {}
    end = time.monotonic() + longest
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            entries = list(os.scandir(os.path.join(root, folder)))
        except OSError:
            continue
        for entry in entries:
            path = f"{folder}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                if entry.name == ".git":
                    _look_at_git(root, path, files)
                elif entry.name not in PASSED_BY:
                    waiting.append(f"{path}/")
            elif not entry.name.startswith(TEMPORARY):
                _look(entry.path, path, files)
        if len(files) > most:
            return Snapshot({}, f"not looked at: more than {most:,} files")
        if time.monotonic() > end:
            return Snapshot({}, f"not looked at: it took longer than {longest:g} s")
    return Snapshot(files)


def changed(before: Snapshot, after: Snapshot) -> list[str]:
    """The paths that came, went or are not as they were, sorted."""
    both = before.files.keys() | after.files.keys()
    return sorted(p for p in both if before.files.get(p) != after.files.get(p))


def _look_at_git(root: str, folder: str, files: dict[str, Print]) -> None:
    for name in OF_GIT:
        _look(os.path.join(root, folder, name), f"{folder}/{name}", files)


def _look(whole: str, path: str, files: dict[str, Print]) -> None:
    try:
        found = os.lstat(whole)
    except OSError:
        return
    files[path] = (found.st_mtime_ns, found.st_size, found.st_ino)
