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

from agents.policy.setup import LONGEST_ARGUMENT

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
    """The command cannot be run; the message says why and what to change.

    It may quote what stands in any file, and is stored and shown on terminals.
    """

    def __init__(self, reason: str) -> None:
        super().__init__("".join(c if c.isprintable() else "\ufffd" for c in reason))


def check(command: tuple[str, ...], cwd: str, env: Mapping[str, str]) -> Cleared:
    """What will be run and where; raises Refused with one clear reason."""
    if not command or not command[0].strip():
        raise Refused("the command is empty")
    _text("the working directory", cwd)
    for argument in command:
        _argument("an argument", argument)
    for name, value in env.items():
        _variable(name, value)
    where = directory(cwd)
    program = _program(command[0], where, env)
    _executable(program, command[0])
    _format(program, where)
    return Cleared((program, *command[1:]), where)


def _text(what: str, text: str) -> bytes:
    """What execve cannot take would otherwise fail in the middle of a spawn."""
    try:
        encoded = os.fsencode(text)
    except UnicodeEncodeError:
        raise Refused(f"{what} has half a letter (a lone surrogate) in it") from None
    if b"\0" in encoded:
        raise Refused(f"{what} has a NUL character in it")
    return encoded


def _argument(what: str, text: str) -> None:
    encoded = _text(what, text)
    if len(encoded) > LONGEST_ARGUMENT:
        raise Refused(
            f"{what} has {len(encoded):,} bytes, and the system takes "
            f"{LONGEST_ARGUMENT:,}; put the text into a file"
        )


def _variable(name: str, value: str) -> None:
    if not name or "=" in name:
        raise Refused(f"{name!r} is not a variable's name")
    _argument(f"the variable {name!r}", f"{name}={value}")


def directory(cwd: str) -> str:
    """The directory to work in, as a path; raises Refused."""
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
        return os.path.join(directory, os.path.expanduser(name))
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
        broken = " is a broken link" if os.path.islink(path) else ""
        raise Refused(f"program not found: {name}{broken}") from None
    except OSError as error:
        raise Refused(f"program {name}: {error.strerror}") from None
    if stat.S_ISDIR(mode):
        raise Refused(f"not a program: {name} is a directory")
    if not stat.S_ISREG(mode):
        raise Refused(f"not a program: {name} is not a regular file")
    if not os.access(path, os.X_OK):
        raise Refused(f"no permission to run {name} (not executable)")


def _format(path: str, directory: str) -> None:
    try:
        with Path(path).open("rb") as file:
            head = file.read(256)
    except OSError:
        return  # Executable but not readable is allowed; the kernel decides.
    if head.startswith(_MAGIC):
        return
    if not head:
        raise Refused(f"not a program: {path} is empty")
    if not head.startswith(b"#!"):
        raise Refused(f"not a program: {path} has no #! line and is not a binary")
    first_line = head[2:].split(b"\n", 1)[0]
    if first_line.endswith(b"\r"):
        raise Refused(
            f"not a program: {path} has Windows line ends, and so its #! line "
            "names a program that does not exist; save it with Unix line ends"
        )
    # As the kernel splits it: at blanks and tabs only.
    words = first_line.replace(b"\t", b" ").split(b" ")
    named = next((word for word in words if word), b"")
    if not named:
        raise Refused(f"not a program: {path} names no interpreter after #!")
    interpreter = os.fsdecode(named)
    found = os.path.join(directory, interpreter)
    if not os.path.exists(found):
        raise Refused(f"{path} names an interpreter that is missing: {interpreter}")
    if not os.path.isfile(found) or not os.access(found, os.X_OK):
        raise Refused(f"{path} names an interpreter that cannot be run: {interpreter}")
