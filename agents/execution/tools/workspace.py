"""The only way to the files of a workspace: name by name, and never through a link.

Every directory is opened below the one before it, so what was looked at is what is
used, whatever is renamed meanwhile. Blocking: a thread's work.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, TypeAlias

from agents.execution.tools.tool import Refused

LONGEST_PATH: Final = 2000
LONGEST_NAME: Final = 255  # bytes; NAME_MAX of every file system in use
DEEPEST: Final = 64
_SHOWN: Final = 200

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# A pipe that has come in the file's place since the look shall not block.
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

Parts: TypeAlias = tuple[str, ...]


def shown(path: str | Parts) -> str:
    """A path for a message or a list: one line, whatever it is made of."""
    text = path if isinstance(path, str) else "/".join(path) or "."
    if len(text) > _SHOWN:
        text = f"{text[:_SHOWN]}…"
    return text if text.isprintable() else repr(text)


def kind(mode: int) -> str:
    """What a file of this mode is, with its article."""
    kinds = {
        stat.S_IFREG: "a file",
        stat.S_IFDIR: "a directory",
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
    }
    return kinds.get(stat.S_IFMT(mode), "a device")


@dataclass(frozen=True, slots=True)
class Workspace:
    """The directory `root`, which may itself be reached through links: a person chose
    it. Everything raises Refused with what to change, or OSError."""

    root: Path

    def parts(self, path: str) -> Parts:
        """The names on the way from the root; () is the root itself."""
        if not path.strip():
            raise Refused('the path is empty; "." is the workspace itself')
        if len(path) > LONGEST_PATH:
            raise Refused(f"a path has {LONGEST_PATH:,} characters at most")
        _refuse_unusable(path)
        if path == "~" or path.startswith("~/"):
            raise Refused(f"{shown(path)}: ~ is not known here; {_RELATIVE}")
        names = self._below_root(path) if path.startswith("/") else path.split("/")
        parts = tuple(name for name in names if name not in ("", "."))
        if ".." in parts:
            raise Refused(f"{shown(path)} has '..' in it; {_RELATIVE}")
        if len(parts) > DEEPEST:
            raise Refused(f"a path has {DEEPEST} directories at most")
        for name in parts:
            if len(os.fsencode(name)) > LONGEST_NAME:
                raise Refused(f"a name has {LONGEST_NAME} bytes at most: {shown(name)}")
        return parts

    def _below_root(self, path: str) -> list[str]:
        names = [name for name in path.split("/") if name not in ("", ".")]
        for root in (self.root.absolute(), self.root.resolve()):
            above = list(root.parts[1:])
            if names[: len(above)] == above:
                return names[len(above) :]
        raise Refused(f"{shown(path)} is outside the workspace; {_RELATIVE}")

    @contextmanager
    def directory(self, parts: Parts, *, make: bool = False) -> Iterator[int]:
        """The directory, open; `make`: those that are missing are made."""
        try:
            here = os.open(self.root, _DIRECTORY)
        except OSError as error:
            raise Refused(
                f"the workspace {shown(str(self.root))} cannot be entered: "
                f"{error.strerror}. A person has to put that right"
            ) from None
        try:
            for depth in range(len(parts)):
                below = _enter(here, parts[: depth + 1], make=make)
                os.close(here)
                here = below
            yield here
        finally:
            os.close(here)

    def look(self, parts: Parts) -> os.stat_result:
        """What is there, itself and not what a link names."""
        with self.directory(parts[:-1]) as above:
            try:
                name = parts[-1] if parts else "."
                return os.stat(name, dir_fd=above, follow_symlinks=False)
            except FileNotFoundError:
                raise Refused(f"there is no {shown(parts)}; see list_files") from None

    @contextmanager
    def file(self, parts: Parts) -> Iterator[IO[bytes]]:
        """The regular file, open for reading."""
        if not parts:
            raise Refused("this is the workspace itself, a directory; name a file")
        with self.directory(parts[:-1]) as above:
            descriptor = _open_regular(above, parts)
        with os.fdopen(descriptor, "rb") as file:
            yield file


_RELATIVE: Final = "give a path relative to the workspace"


def regular_or_refused(mode: int, path: Parts) -> None:
    """Refuse everything but a plain file, and say what to use instead."""
    if stat.S_ISREG(mode):
        return
    instead = {
        stat.S_IFLNK: "links are not followed; use the path of the file itself",
        stat.S_IFDIR: "name a file in it, or use list_files",
    }.get(stat.S_IFMT(mode), "only regular files can be used")
    raise Refused(f"{shown(path)} is {kind(mode)}; {instead}")


def _refuse_unusable(path: str) -> None:
    if "\0" in path:
        raise Refused("the path has a NUL character in it; leave it out")
    try:
        path.encode()
    except UnicodeEncodeError:
        raise Refused("the path has half a letter (a lone surrogate) in it") from None


def _enter(above: int, path: Parts, *, make: bool) -> int:
    name = path[-1]
    if make:
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=above)
    try:
        return os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
    except FileNotFoundError:
        raise Refused(f"there is no directory {shown(path)}") from None
    except OSError as error:
        if error.errno not in (errno.ENOTDIR, errno.ELOOP):
            raise
    # Only for the words: what it is by now changes nothing any more.
    mode = os.stat(name, dir_fd=above, follow_symlinks=False).st_mode
    instead = "name a directory"
    if stat.S_ISLNK(mode):
        instead = "links are not followed; use the path of the directory itself"
    raise Refused(f"{shown(path)} is {kind(mode)}; {instead}")


def _open_regular(above: int, path: Parts) -> int:
    name = path[-1]
    try:
        # Opening a device can do something; so a look comes first, and one after.
        found = os.stat(name, dir_fd=above, follow_symlinks=False)
        regular_or_refused(found.st_mode, path)
        descriptor = os.open(name, _FILE, dir_fd=above)
    except FileNotFoundError:
        raise Refused(f"there is no file {shown(path)}; see list_files") from None
    try:
        regular_or_refused(os.fstat(descriptor).st_mode, path)
    except Refused:
        os.close(descriptor)
        raise
    return descriptor
