"""`agents input`: what is written, what is printed, and the exit codes."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.management.agentctl import writing
from agents.services.standard_input import MOST
from tests.harness.inputs import held_open, run_with_input
from tests.management.conftest import Make, Run

pytestmark = pytest.mark.django_db


@pytest.fixture
def pipe(make: Make, data: Path) -> Iterator[int]:
    """The input of a run of `web`, as its processes have it open."""
    _, path = run_with_input(make("web", stdin="fifo"), data)
    with held_open(path) as descriptor:
        yield descriptor


def test_a_word_of_the_line_is_written_as_a_line(agents: Run, pipe: int) -> None:
    answer = agents("input", "web", "go on")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == "web: 6 bytes written to run 1\n"
    assert agents("input", "web", "twice\n", "--json").json == {"run": 1, "bytes": 6}
    assert os.read(pipe, 100) == b"go on\ntwice\n"


def test_a_dash_is_all_of_stdin_as_it_is(
    agents: Run, pipe: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("line one\nno end"))
    assert agents("input", "web", "-").code == 0
    assert os.read(pipe, 100) == b"line one\nno end"
    bad = io.TextIOWrapper(io.BytesIO(b"\xff"), encoding="utf-8")
    monkeypatch.setattr("sys.stdin", bad)
    answer = agents("input", "web", "-")
    assert answer.code == 1 and "no UTF-8 text" in answer.err


def test_a_program_that_reads_within_a_moment_is_waited_for(
    agents: Run, pipe: int
) -> None:
    os.write(pipe, b"x" * MOST)
    reader = threading.Timer(0.2, os.read, (pipe, MOST))
    reader.start()
    assert agents("input", "web", "late").code == 0
    reader.join()
    assert os.read(pipe, 100) == b"late\n"


def test_what_cannot_be_written_is_said_in_words(
    agents: Run, pipe: int, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "PATIENCE", 0.1)
    make("idle")
    os.write(pipe, b"x" * MOST)
    for name, text, told in (
        ("web", "x", "has not read what was written"),
        ("web", "x" * MOST, "Send it in parts"),
        ("idle", "x", "is not running: start it"),
        ("wep", "x", "Did you mean 'web'?"),
    ):
        answer = agents("input", name, text)
        assert (answer.code, answer.out) == (1, ""), name
        assert told in answer.err
