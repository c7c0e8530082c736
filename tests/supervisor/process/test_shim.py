"""Which shim is taken, and what it says where it cannot do its work."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.supervisor.process import exit_file, shim


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Where the shim would be; nothing is there yet."""
    path = tmp_path / "agenthub-shim"
    monkeypatch.setattr(shim, "BUILT", path)
    shim.built.cache_clear()
    yield path
    shim.built.cache_clear()


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o755)


def test_without_a_compiler_there_is_the_script(built: Path) -> None:
    assert shim.built() == ""


@pytest.mark.parametrize(
    "content",
    [b"", b"\x7fELF of another machine", b"#!/bin/sh\nexit 0\n"],
    ids=["empty", "of another machine", "another program"],
)
def test_what_does_not_work_here_is_not_taken(built: Path, content: bytes) -> None:
    write(built, content)
    assert shim.built() == ""


def test_what_answers_as_the_shim_does_is_taken(built: Path) -> None:
    write(built, b"#!/bin/sh\nexit 64\n")
    assert shim.built() == str(built)


def test_trouble_of_the_moment_is_not_remembered(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent that begins while descriptors are short shall not slow all others."""
    write(built, b"#!/bin/sh\nexit 64\n")

    def none_left(*_: object, **__: object) -> None:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as short:
        short.setattr(subprocess, "run", none_left)
        with pytest.raises(OSError, match="Too many open files"):
            shim.built()
    assert shim.built() == str(built)


@pytest.fixture
def program() -> str:
    if not (path := shim.built()):
        pytest.skip("no shim was built here: is there a C compiler?")
    return path


def run(program: str, folder: Path, *argv: str, enter: str = "/") -> tuple[int, str]:
    """The shim's exit code and what was said, for a command in a directory."""
    exit_file.prepare(folder / "exit")
    words = [program, str(folder / "exit"), "256", *argv]
    script = f'exec "$@" 3<{enter}' if enter else 'exec "$@" 3<&-'
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", *words], capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("argv", "enter", "code", "said"),
    [
        ("/nowhere/at-all", "/", 127, "agenthub: could not execute the program\n"),
        ("/etc/passwd", "/", 126, "agenthub: could not execute the program\n"),
        ("/bin/true", "", 126, "agenthub: could not enter the working directory\n"),
    ],
)
def test_a_program_that_vanished_after_the_look_has_a_code_and_a_word(
    program: str, tmp_path: Path, argv: str, enter: str, code: int, said: str
) -> None:
    assert run(program, tmp_path, argv, enter=enter) == (code, said)
    left = exit_file.read(tmp_path / "exit")
    assert left is not None
    assert left[0] == code


def test_the_program_has_the_limit_of_open_files_it_was_given(
    program: str, tmp_path: Path
) -> None:
    code = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    assert run(program, tmp_path, sys.executable, "-c", code) == (0, "256\n")
