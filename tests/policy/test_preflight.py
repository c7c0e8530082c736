"""Why a command cannot be run, each for its own reason, on real files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from agents.policy.preflight import Cleared, Refused, check

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65_534


def program(
    path: Path, content: bytes = b"#!/bin/sh\nexit 0\n", mode: int = 0o755
) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


def refusal(
    *command: str, cwd: Path | str = "/", env: Mapping[str, str] | None = None
) -> str:
    with pytest.raises(Refused) as caught:
        check(command, str(cwd), env or {})
    return str(caught.value)


# What is let through


def test_a_program_is_found_on_the_path_of_its_own_environment(tmp_path: Path) -> None:
    tool = program(tmp_path / "bin" / "tool")
    env = {"PATH": f"/nonexistent:{tmp_path}/bin"}
    assert check(("tool", "a b", "$HOME"), str(tmp_path), env) == Cleared(
        (tool, "a b", "$HOME"), str(tmp_path)
    )


def test_the_first_program_on_the_path_that_can_be_run_counts(tmp_path: Path) -> None:
    program(tmp_path / "1" / "tool", mode=0o644)
    (tmp_path / "2" / "tool").mkdir(parents=True)
    third = program(tmp_path / "3" / "tool")
    program(tmp_path / "4" / "tool")
    path = ":".join(str(tmp_path / n) for n in "1234")
    assert check(("tool",), "/", {"PATH": path}).argv == (third,)


def test_without_a_path_the_systems_own_is_searched() -> None:
    assert check(("sh",), "/", {}).argv[0].endswith("/sh")


def test_a_relative_program_is_looked_for_in_the_working_directory(
    tmp_path: Path,
) -> None:
    tool = program(tmp_path / "bin" / "tool")
    (argv0,) = check(("bin/tool",), str(tmp_path), {}).argv
    assert (os.path.isabs(argv0), os.path.samefile(argv0, tool)) == (True, True)


def test_a_relative_part_of_the_path_is_below_the_working_directory(
    tmp_path: Path,
) -> None:
    tool = program(tmp_path / "bin" / "tool")
    assert check(("tool",), str(tmp_path), {"PATH": "bin"}).argv == (tool,)


def test_a_tilde_is_the_home_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    tool = program(tmp_path / "bin" / "tool")
    assert check(("~/bin/tool",), "~", {}) == Cleared((tool,), str(tmp_path))


def test_a_link_to_a_program_is_a_program(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(program(tmp_path / "tool"))
    assert check((str(tmp_path / "link"),), "/", {}).argv == (str(tmp_path / "link"),)


@pytest.mark.parametrize(
    "first_line",
    [
        b"#!/bin/sh",
        b"#! /bin/sh",
        b"#!\t/bin/sh -e",
        b"#!/usr/bin/env python3\n",
        b"#!/bin/sh \r is an argument\n",
    ],
)
def test_a_script_names_its_interpreter_as_the_kernel_reads_it(
    tmp_path: Path, first_line: bytes
) -> None:
    check((program(tmp_path / "tool", first_line),), "/", {})


def test_an_interpreter_may_be_relative_to_where_the_program_starts(
    tmp_path: Path,
) -> None:
    program(tmp_path / "bin" / "interpreter")
    script = program(tmp_path / "tool", b"#!bin/interpreter\n")
    check((script,), str(tmp_path), {})
    assert "interpreter that is missing" in refusal(script, cwd="/")


def test_a_binary_is_a_program() -> None:
    assert check((sys.executable, "-V"), "/", {}).argv == (sys.executable, "-V")


# The program


@pytest.mark.parametrize("command", [(), ("",), ("  ",), ("", "x")])
def test_an_empty_command_is_refused(command: tuple[str, ...]) -> None:
    assert refusal(*command) == "the command is empty"


def test_a_program_that_is_not_on_the_path_is_not_found(tmp_path: Path) -> None:
    env = {"PATH": str(tmp_path)}
    assert refusal("no-such-tool", env=env) == (
        "program not found: no-such-tool is not on the PATH"
    )


def test_a_program_in_the_working_directory_is_not_on_the_path(tmp_path: Path) -> None:
    program(tmp_path / "tool")
    assert "not on the PATH" in refusal("tool", cwd=tmp_path, env={"PATH": "/bin"})


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    path = str(tmp_path / "missing")
    assert refusal(path) == f"program not found: {path}"
    assert refusal("./missing", cwd=tmp_path) == "program not found: ./missing"


def test_a_broken_link_says_that_it_is_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    path = str(tmp_path / "link")
    assert refusal(path) == f"program not found: {path} is a broken link"


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert "symbolic links" in refusal(str(tmp_path / "a"))


def test_a_file_is_no_folder_of_programs(tmp_path: Path) -> None:
    path = program(tmp_path / "tool") + "/tool"
    assert refusal(path) == f"program {path}: Not a directory"


def test_a_name_that_is_too_long_for_any_file_is_refused(tmp_path: Path) -> None:
    assert "File name too long" in refusal(str(tmp_path / ("n" * 300)))
    assert "is not on the PATH" in refusal("n" * 300, env={"PATH": str(tmp_path)})


def test_a_file_without_the_executable_bit_is_refused(tmp_path: Path) -> None:
    """Binds root too: one executable bit at least has to be set."""
    path = program(tmp_path / "tool", mode=0o644)
    assert refusal(path) == f"no permission to run {path} (not executable)"
    assert refusal("tool", env={"PATH": str(tmp_path)}) == (
        f"no permission to run {path} (not executable)"
    )


def test_a_directory_is_no_program(tmp_path: Path) -> None:
    assert refusal(str(tmp_path)) == f"not a program: {tmp_path} is a directory"


def test_a_pipe_is_no_program_and_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path, 0o755)
    assert refusal(str(path)) == f"not a program: {path} is not a regular file"


# What is in it


def test_a_text_without_a_shebang_is_no_program(tmp_path: Path) -> None:
    """A shell would run it line by line; the kernel does not."""
    path = program(tmp_path / "tool", b"echo hello\n")
    assert refusal(path) == (
        f"not a program: {path} has no #! line and is not a binary"
    )


def test_an_empty_file_is_no_program(tmp_path: Path) -> None:
    path = program(tmp_path / "tool", b"")
    assert refusal(path) == f"not a program: {path} is empty"


@pytest.mark.parametrize("content", [b"#!", b"#!\n", b"#! \t \n/bin/sh\n"])
def test_an_empty_shebang_names_no_interpreter(tmp_path: Path, content: bytes) -> None:
    path = program(tmp_path / "tool", content)
    assert refusal(path) == f"not a program: {path} names no interpreter after #!"


def test_a_missing_interpreter_is_named(tmp_path: Path) -> None:
    path = program(tmp_path / "tool", b"#!/opt/none/python3 -u\n")
    assert refusal(path) == (
        f"{path} names an interpreter that is missing: /opt/none/python3"
    )


def test_an_interpreter_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    plain = program(tmp_path / "interpreter", mode=0o644)
    for interpreter in (plain, str(tmp_path)):
        path = program(tmp_path / "tool", f"#!{interpreter}\n".encode())
        assert refusal(path) == (
            f"{path} names an interpreter that cannot be run: {interpreter}"
        )


def test_windows_line_ends_are_called_by_their_name(tmp_path: Path) -> None:
    """The kernel would look for '/bin/sh\\r' and say only that it was not found."""
    path = program(tmp_path / "tool", b"#!/bin/sh\r\necho hello\r\n")
    assert "Windows line ends" in refusal(path)


def test_a_reason_can_be_stored_and_shown_whatever_stands_in_a_file(
    tmp_path: Path,
) -> None:
    path = program(tmp_path / "tool", b"#!/\xff\x1b[2J\0x\n")
    assert refusal(path) == (
        f"{path} names an interpreter that is missing: /\ufffd\ufffd[2J\ufffdx"
    )


# The working directory


def test_a_missing_working_directory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "missing"
    assert refusal("sh", cwd=path) == f"no such directory: {path}"


def test_a_file_is_no_working_directory(tmp_path: Path) -> None:
    path = program(tmp_path / "file")
    assert refusal("sh", cwd=path) == (
        f"the working directory is not a directory: {path}"
    )
    assert refusal("sh", cwd=f"{path}/below") == (
        f"working directory {path}/below: Not a directory"
    )


# What execve cannot take


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\0b", "has a NUL character in it"),
        ("a\ud800", "has half a letter (a lone surrogate) in it"),
    ],
)
def test_a_text_that_the_system_cannot_be_given_is_refused(
    text: str, words: str
) -> None:
    assert refusal("sh", "-c", text) == f"an argument {words}"
    assert refusal(f"/bin/{text}") == f"an argument {words}"
    assert refusal("sh", cwd=f"/{text}") == f"the working directory {words}"
    assert refusal("sh", env={"A": text}) == f"the variable 'A' {words}"


def test_a_text_that_is_too_long_for_an_argument_is_refused() -> None:
    words = "has 131,072 bytes, and the system takes 131,071; put the text into a file"
    assert refusal("sh", "-c", "x" * 131_072) == f"an argument {words}"
    # Of a variable, its name counts too.
    assert refusal("sh", env={"A": "x" * 131_070}) == f"the variable 'A' {words}"


def test_a_working_directory_that_is_too_long_is_refused() -> None:
    assert refusal("sh", cwd="/" + "x" * 131_072).endswith(": File name too long")


@pytest.mark.parametrize("name", ["", "A=B", "="])
def test_a_variable_without_a_proper_name_is_refused(name: str) -> None:
    assert refusal("sh", env={name: "x"}) == f"{name!r} is not a variable's name"


def test_the_longest_argument_that_is_let_through_is_one_the_kernel_takes() -> None:
    cleared = check(("sh", "-c", "exit ${#1}", "sh", "x" * 131_071), "/", {})
    subprocess.run(cleared.argv, check=False)
    with pytest.raises(OSError, match="Argument list too long"):
        subprocess.run([*cleared.argv[:-1], "x" * 131_072], check=False)


def test_bytes_that_are_no_unicode_are_let_through() -> None:
    """An inherited variable may hold some; the system does not mind."""
    check(("sh",), "/", {"A": os.fsdecode(b"\xff")})


# Permissions, which do not bind root: looked at by a process that is not


def as_nobody(tmp_path: Path, *command: str, cwd: Path | None = None) -> str:
    """The refusal that a user without rights would read."""
    if os.getuid() != 0:
        return refusal(*command, cwd=cwd or "/")
    source = (
        "import sys; from agents.policy.preflight import Refused, check\n"
        "try: check(tuple(sys.argv[2:]), sys.argv[1], {})\n"
        "except Refused as refusal: print(refusal, end='')"
    )
    # The interpreter and the modules may be where only root can look: load first.
    drop = f"import os; os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            source.replace("\n", f"\n{drop}", 1),
            str(cwd or "/"),
            *command,
        ],
        cwd=ROOT,
        env={"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture
def open_path(tmp_path: Path) -> Path:
    """A directory that everybody may enter, whatever pytest made above it."""
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_uid == os.getuid() and not path.stat().st_mode & 0o001:
            path.chmod(path.stat().st_mode | 0o011)
    return tmp_path


def test_a_working_directory_that_may_not_be_entered_is_refused(
    open_path: Path,
) -> None:
    closed = open_path / "closed"
    closed.mkdir(mode=0o600)
    assert as_nobody(open_path, "sh", cwd=closed) == (
        f"no permission to enter the working directory: {closed}"
    )
    assert as_nobody(open_path, "sh", cwd=closed / "below") == (
        f"working directory {closed / 'below'}: Permission denied"
    )


def test_a_program_behind_a_closed_door_is_not_called_missing(open_path: Path) -> None:
    path = program(open_path / "closed" / "tool")
    (open_path / "closed").chmod(0o600)
    assert as_nobody(open_path, path) == f"program {path}: Permission denied"


def test_a_program_for_others_only_is_refused(open_path: Path) -> None:
    path = program(open_path / "tool", mode=0o700 if os.getuid() == 0 else 0o077)
    assert as_nobody(open_path, path) == (
        f"no permission to run {path} (not executable)"
    )


def test_a_program_that_may_be_run_but_not_read_is_let_through(open_path: Path) -> None:
    if os.getuid() != 0:
        path = program(open_path / "tool", b"\x7fELF", mode=0o111)
        check((path,), "/", {})
        return
    path = program(open_path / "tool", b"no shebang", mode=0o711)
    assert as_nobody(open_path, path) == ""
