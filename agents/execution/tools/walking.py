"""What there is in a workspace, directory by directory, and globs to choose from it.

Blocking: a thread's work, or that of a process of its own.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import islice
from typing import Final

from agents.execution.tools.tool import Refused
from agents.execution.tools.workspace import Parts, Workspace

# Large, written by programs, and never what one looks for.
NOT_ENTERED: Final = frozenset(
    {".git", ".hg", ".svn", ".jj", ".bzr", "__pycache__", "node_modules"}
)
# So that a directory of millions of files takes neither memory nor minutes.
MOST_IN_ONE: Final = 20_000
LONGEST_GLOB: Final = 300


@dataclass(frozen=True, slots=True)
class Found:
    """One entry. `size` in bytes, of a regular file."""

    parts: Parts
    mode: int
    size: int

    @property
    def is_directory(self) -> bool:
        """Whether it is one itself, and no link to one."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.mode)


class Walk:
    """All entries below `start` as deep as `depth`, level by level, sorted in each.

    Once it is through, `crowded` and `unread` tell of directories that were not read
    whole, or not at all: no permission, or gone meanwhile.
    """

    def __init__(self, workspace: Workspace, start: Parts, depth: int) -> None:
        self._workspace, self._start = workspace, start
        self._deepest = len(start) + depth
        self.crowded: list[Parts] = []
        self.unread: list[Parts] = []

    def __iter__(self) -> Iterator[Found]:
        queue = deque([self._start])
        while queue:
            here = queue.popleft()
            try:
                entries = self._entries(here)
            except (Refused, OSError):
                if here == self._start:
                    raise
                self.unread.append(here)
                continue
            for found in entries:
                yield found
                enter = found.is_directory and found.parts[-1] not in NOT_ENTERED
                if enter and len(found.parts) < self._deepest:
                    queue.append(found.parts)

    def _entries(self, here: Parts) -> list[Found]:
        with (
            self._workspace.directory(here) as descriptor,
            os.scandir(descriptor) as scan,
        ):
            names = [entry.name for entry in islice(scan, MOST_IN_ONE + 1)]
            if len(names) > MOST_IN_ONE:
                self.crowded.append(here)
            found = []
            for name in sorted(names[:MOST_IN_ONE]):
                try:
                    about = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                except FileNotFoundError:
                    continue
                found.append(Found((*here, name), about.st_mode, about.st_size))
        return found


class Glob:
    """A pattern over paths: * and ? and [a-z] in one name, ** for any directories.

    Without a / it is about the name alone, in whichever directory.
    """

    def __init__(self, pattern: str) -> None:
        if len(pattern) > LONGEST_GLOB:
            raise Refused(f"a pattern has {LONGEST_GLOB} characters at most")
        if "{" in pattern and "," in pattern:
            raise Refused("{a,b} is not known in patterns; ask once for each")
        segments = [part for part in pattern.split("/") if part not in ("", ".")]
        if not segments or ".." in segments:
            raise Refused("a pattern names files in the workspace, such as src/**/*.py")
        self._segments = segments if "/" in pattern else ["**", *segments]

    def matches(self, parts: Parts) -> bool:
        """Whether this path, relative to where the pattern starts, is one of them."""
        # Which numbers of segments may be used up, after each name: never exponential.
        reached = self._skipping({0})
        for name in parts:
            after = set()
            for at in reached:
                if at == len(self._segments):
                    continue
                if self._segments[at] == "**":
                    after.add(at)
                elif fnmatchcase(name, self._segments[at]):
                    after.add(at + 1)
            reached = self._skipping(after)
        return len(self._segments) in reached

    def _skipping(self, reached: set[int]) -> set[int]:
        """With those that ** reaches by standing for nothing."""
        for at, segment in enumerate(self._segments):
            if at in reached and segment == "**":
                reached.add(at + 1)
        return reached
