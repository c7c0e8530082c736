"""`search_files`: what it finds, what it leaves out, and that it always ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from agents.execution.tools import search_files, toolbox
from agents.execution.tools.searching import Search
from agents.execution.tools.tool import Surroundings
from tests.execution.tools.conftest import Call
from tests.harness.processes import marked


def test_lines_are_named_by_path_and_number(workspace: Path, call: Call) -> None:
    (workspace / "src").mkdir()
    (workspace / "src" / "a.py").write_text("import os\r\ndef run():\r\n")
    (workspace / "b.txt").write_text("to run é\nRUN\n")
    assert call("search_files", pattern=r"\brun\b").text.split("\n") == [
        "b.txt:1: to run é",
        "src/a.py:2: def run():",
    ]
    assert call("search_files", pattern="^run$", ignore_case=True).text == (
        "b.txt:2: RUN"
    )
    assert call("search_files", pattern="run", glob="*.py").text == (
        "src/a.py:2: def run():"
    )
    assert call("search_files", pattern="run", path="src/a.py").text == (
        "src/a.py:2: def run():"
    )
    assert call("search_files", pattern="run", path="src", glob="/a.*").text == (
        "src/a.py:2: def run():"
    )
    assert call("search_files", pattern="nowhere").text == "[nothing found]"


def test_what_it_does_not_look_into_is_counted(
    workspace: Path, outside: Path, call: Call
) -> None:
    (workspace / "binary").write_bytes(b"secret\0")
    with (workspace / "large").open("wb") as file:
        file.write(b"secret\n")
        os.truncate(file.fileno(), 1 << 40)
    (workspace / ".git").mkdir()
    (workspace / ".git" / "config").write_text("secret\n")
    (workspace / "link").symlink_to(outside)
    (workspace / "file").symlink_to(outside / "secret.txt")
    os.mkfifo(workspace / "pipe")
    assert call("search_files", pattern="secret").text.split("\n") == [
        "[nothing found]",
        "[left out: 1 binary files]",
        "[left out: 1 files of more than 8 MiB]",
    ]
    one = call("search_files", pattern="secret", path=".git").text
    assert one == ".git/config:1: secret"


def test_as_many_lines_are_shown_as_were_asked_for(workspace: Path, call: Call) -> None:
    (workspace / "file").write_text("hit\n" * 30)
    *lines, note = call("search_files", pattern="hit", limit=10).text.split("\n")
    assert lines == [f"file:{number}: hit" for number in range(1, 11)]
    assert note.startswith("[there is more than these 10: ")
    lines = call("search_files", pattern="hit", limit=30).text.split("\n")
    assert len(lines) == 30


def test_of_a_long_line_the_part_around_the_match_is_shown(
    workspace: Path, call: Call
) -> None:
    (workspace / "min.js").write_text("a" * 5000 + "HIT" + "b" * 30_000 + "LATE\n")
    first, note = call("search_files", pattern="HIT").text.split("\n")
    assert first.startswith("min.js:1: … aaa")
    assert "aHITb" in first
    assert len(first) < 350
    assert note == "[left out: 1 ends of lines, beyond 20,000 bytes]"


def test_control_characters_and_wrong_bytes_stay_in_one_line(
    workspace: Path, call: Call
) -> None:
    (workspace / "file").write_bytes(b"hit \x1b[31m \xff \x0b x\n")
    assert call("search_files", pattern="hit").text == (
        "file:1: hit \ufffd[31m \\xff \ufffd x"
    )


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", "not a regular expression of Python's: missing )"),
        ("(" * 500 + ")" * 500, "too much: maximum recursion depth"),
        ("a{99999999999}", "too much: the repetition number is too large"),
        ("x" * 1001, "1,000 characters"),
        ("[[:alpha:", "not a regular expression"),
    ],
)
def test_a_pattern_that_cannot_work_is_refused(
    workspace: Path, call: Call, pattern: str, why: str
) -> None:
    outcome = call("search_files", pattern=pattern)
    assert outcome.error
    assert why in outcome.text


def test_a_pattern_that_takes_for_ever_is_ended_and_stops_nobody(
    workspace: Path, around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspace / "a").write_text("aaa!\n")
    (workspace / "b").write_text("a" * 40 + "?\n")
    monkeypatch.setattr(search_files, "SECONDS", 1)
    gaps = []

    async def watch() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            gaps.append(time.monotonic() - before)

    async def search() -> str:
        watching = asyncio.create_task(watch())
        arguments = {"pattern": "^(a+)+!?$|^aaa!"}
        outcome = await toolbox.call("search_files", arguments, around)
        watching.cancel()
        return outcome.text

    begun = time.monotonic()
    text = asyncio.run(search())
    assert text.startswith("a:1: aaa!\n[not done after 1 s, and ended: this is not all")
    assert time.monotonic() - begun < 5
    assert max(gaps) < 0.5
    assert marked([around.run_id]) == {}


def test_it_ends_itself_when_nobody_is_there_to_end_it(workspace: Path) -> None:
    (workspace / "b").write_text("a" * 40 + "?\n")
    search = Search(str(workspace), ".", "^(a+)+$", None, False, 10)
    *python, program, words = search.argv
    work = "searching.main()"
    assert work in program
    hurried = program.replace(work, f"searching.SECONDS = -4; {work}")
    done = subprocess.run([*python, hurried, words], capture_output=True, timeout=30)
    assert (done.returncode, done.stderr) == (-signal.SIGALRM, b"")


def test_it_is_no_command_and_needs_no_permission_for_them(
    workspace: Path, around: Surroundings, call: Call
) -> None:
    (workspace / "file").write_text("hit\n")
    assert not around.allow_commands
    assert call("search_files", pattern="hit").text == "file:1: hit"
    # What is on the agent's path or in its environment has no part in it.
    evil = replace(around, env={"PYTHONPATH": str(workspace)}, inherited={})
    (workspace / "json.py").write_text("raise SystemExit('hijacked')\n")
    assert call("search_files", evil, pattern="hit", glob="file").text == "file:1: hit"
