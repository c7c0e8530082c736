"""`read_file`: lines with numbers, bounds that are told, and what is no text."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.execution.tools.conftest import Call


def numbered(count: int) -> str:
    return "".join(f"line {n}\n" for n in range(1, count + 1))


def test_lines_come_with_their_numbers(workspace: Path, call: Call) -> None:
    (workspace / "file").write_text("one\n\tthree é\n")
    assert call("read_file", path="file").text == "     1\tone\n     2\t\tthree é"


def test_a_part_is_read_and_what_follows_is_said(workspace: Path, call: Call) -> None:
    (workspace / "file").write_text(numbered(10))
    outcome = call("read_file", path="file", offset=4, limit=2)
    assert outcome.text == (
        "     4\tline 4\n     5\tline 5\n[the file goes on; next: offset 6]"
    )
    last = call("read_file", path="file", offset=9, limit=2)
    assert last.text == "     9\tline 9\n    10\tline 10"


def test_a_last_line_without_an_end_is_a_line(workspace: Path, call: Call) -> None:
    (workspace / "file").write_text("one\ntwo")
    assert call("read_file", path="file").text.endswith("     2\ttwo")
    assert call("read_file", path="file", limit=1).text.endswith("next: offset 2]")
    assert call("read_file", path="file", offset=2).text == "     2\ttwo"


def test_reading_on_by_what_is_said_gives_the_whole_file(
    workspace: Path, call: Call
) -> None:
    content = "".join(f"{n} {'x' * (n % 300)}\n" for n in range(3000))
    (workspace / "file").write_text(content)
    lines, offset = [], 1
    while offset:
        *read, note = call("read_file", path="file", offset=offset).text.split("\n")
        offset = int(note.split()[-1].rstrip("]")) if note.startswith("[") else 0
        lines += read if offset else [*read, note]
    assert "".join(line.partition("\t")[2] + "\n" for line in lines) == content
    assert [int(line.partition("\t")[0]) for line in lines] == list(range(1, 3001))


def test_beyond_the_end_is_an_error_and_an_empty_file_is_none(
    workspace: Path, call: Call
) -> None:
    (workspace / "file").write_text("one\n")
    (workspace / "empty").touch()
    outcome = call("read_file", path="file", offset=2)
    assert (outcome.error, outcome.text) == (True, "file has fewer than 2 lines")
    assert call("read_file", path="empty").text == "[the file is empty]"


def test_a_long_line_is_cut_between_letters_and_said_so(
    workspace: Path, call: Call
) -> None:
    (workspace / "file").write_text("x" + "é" * 1500 + "\nnext\n")
    first, second = call("read_file", path="file").text.split("\n")
    assert first == "     1\tx" + "é" * 999 + " […at least 1002 more bytes]"
    assert second == "     2\tnext"


def test_one_line_of_many_megabytes_is_no_trouble(workspace: Path, call: Call) -> None:
    (workspace / "file").write_bytes(b"x" * (20 << 20) + b"\nlast\n")
    text = call("read_file", path="file").text
    assert len(text) < 3000
    assert text.endswith("more bytes]\n[the file goes on; next: offset 2]")
    assert call("read_file", path="file", offset=2).text == "     2\tlast"


def test_what_is_not_utf8_is_shown_byte_by_byte(workspace: Path, call: Call) -> None:
    (workspace / "file").write_bytes(b"caf\xe9\nok\n\xff\xfe\n")
    text = call("read_file", path="file").text
    assert "     1\tcaf\\xe9\n     2\tok\n     3\t\\xff\\xfe\n" in text
    assert text.endswith(r"[not all of it is UTF-8: such bytes are shown as \xNN]")
    (workspace / "file").write_text("a backslash: \\xe9\n")
    assert "UTF-8" not in call("read_file", path="file").text


def test_windows_line_ends_are_told(workspace: Path, call: Call) -> None:
    (workspace / "file").write_bytes(b"one\r\ntwo\r\n")
    text = call("read_file", path="file").text
    assert text == "     1\tone\n     2\ttwo\n[lines end in CR LF]"


@pytest.mark.parametrize("at", [0, 5000, 30_000])
def test_binary_files_are_refused(workspace: Path, call: Call, at: int) -> None:
    (workspace / "file").write_bytes(b"x\n" * at + b"\0\n")
    outcome = call("read_file", path="file")
    assert outcome.error == (at < 30_000)
    assert ("only text" in outcome.text) == outcome.error


def test_a_huge_file_is_read_at_once_at_its_beginning_and_not_for_ever(
    workspace: Path, call: Call
) -> None:
    with (workspace / "huge").open("wb") as file:
        file.write(b"first\n" * 100_000)
        os.truncate(file.fileno(), 1 << 40)
    begun = time.monotonic()
    assert call("read_file", path="huge", offset=50_000, limit=1).text.startswith(
        " 50000\tfirst\n"
    )
    outcome = call("read_file", path="huge", offset=10**9)
    assert outcome.text == "line 1000000000 is not in the first 256 MiB of the file"
    assert time.monotonic() - begun < 10
