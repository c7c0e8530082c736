"""A look at a command before it is spawned, so that each failure has its reason.

Reads the file system, changes nothing, and asks no shell.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# ELF and the four byte orders of Mach-O.
_MAGIC: Final = (
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
)


@dataclass(frozen=True, slots=True)
class Cleared:
    """The command with its program as an absolute path, and where it starts."""

    argv: tuple[str, ...]
    cwd: str


class Refused(Exception):
    """The command cannot be run; the message says why and what to change."""


def check(command: tuple[str, ...], cwd: str, env: Mapping[str, str]) -> Cleared:
    """What will be run and where; raises Refused with one clear reason."""
    if not command or not command[0].strip():
        raise Refused("the command is empty")
    directory = _directory(cwd)
    program = _program(command[0], directory, env)
    _executable(program, command[0])
    _format(program)
    return Cleared((program, *command[1:]), directory)


def _directory(cwd: str) -> str:
    path = os.path.expanduser(cwd)
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        raise Refused(f"no such directory: {cwd}") from None
    except OSError as error:
        raise Refused(f"working directory {cwd}: {error.strerror}") from None
    if not stat.S_ISDIR(mode):
        raise Refused(f"the working directory is not a directory: {cwd}")
    if not os.access(path, os.X_OK):
        raise Refused(f"no permission to enter the working directory: {cwd}")
    return path


def _program(name: str, directory: str, env: Mapping[str, str]) -> str:
    if "/" in name:
        path = os.path.join(directory, os.path.expanduser(name))
        if not os.path.lexists(path):
            raise Refused(f"program not found: {name}")
        return path
    denied = ""
    for folder in env.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(directory, folder, name)
        if os.path.isfile(path):
            if os.access(path, os.X_OK):
                return path
            denied = denied or path
    if denied:
        raise Refused(f"no permission to run {denied} (not executable)")
    raise Refused(f"program not found: {name} is not on the PATH")


def _executable(path: str, name: str) -> None:
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        raise Refused(f"program not found: {name} is a broken link") from None
    except OSError as error:
        raise Refused(f"program {name}: {error.strerror}") from None
    if stat.S_ISDIR(mode):
        raise Refused(f"not a program: {name} is a directory")
    if not stat.S_ISREG(mode):
        raise Refused(f"not a program: {name} is not a regular file")
    if not os.access(path, os.X_OK):
        raise Refused(f"no permission to run {name} (not executable)")


def _format(path: str) -> None:
    try:
        with Path(path).open("rb") as file:
            head = file.read(256)
    except OSError:
        return  # Executable but not readable is allowed; the kernel decides.
    if head.startswith(_MAGIC):
        return
    if not head.startswith(b"#!"):
        raise Refused(f"not a program: {path} has no #! line and is not a binary")
    words = head[2:].split(b"\n", 1)[0].split()
    if not words:
        raise Refused(f"not a program: {path} names no interpreter after #!")
    interpreter = os.fsdecode(words[0])
    if not os.path.exists(interpreter):
        raise Refused(f"{path} names an interpreter that is missing: {interpreter}")
