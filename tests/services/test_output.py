"""Output for a reader: bounded, gapless unless it says so, and safe to show."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.services.logs import LogStore
from agents.services.output import BACKLOG, MOST_LINES, Cursor, Piece, follow, tail

Write = Callable[[bytes], None]


@pytest.fixture
def store(tmp_path: Path) -> LogStore:
    (tmp_path / "run").mkdir()
    return LogStore(tmp_path)


@pytest.fixture
def write(tmp_path: Path, store: LogStore) -> Write:
    def append(data: bytes) -> None:
        with (tmp_path / "run" / "out").open("ab") as file:
            file.write(data)

    return append


def read_on(store: LogStore, cursor: Cursor, *, final: bool = False) -> Piece | None:
    return follow(store, "run", "out", cursor, "/all", final=final)


def shown(html: str) -> list[str]:
    lines = re.findall(r'<div class="line out">(.*?)</div>', html)
    return [re.sub("<[^>]+>", "", line) for line in lines]


def read_all(store: LogStore, cursor: Cursor, *, final: bool = False) -> list[str]:
    lines: list[str] = []
    while piece := read_on(store, cursor, final=final):
        lines += shown(piece.html)
        cursor = piece.cursor
    return lines


def test_a_reader_that_is_kept_up_misses_nothing(store: LogStore, write: Write) -> None:
    cursor, seen = Cursor(), []
    for at in range(200):
        write(b"line %d" % at)
        if at % 3:
            write(b"\n")
            piece = read_on(store, cursor)
            assert piece is not None
            seen += shown(piece.html)
            cursor = piece.cursor
        else:
            write(b" and ")
    joined = "".join(seen)
    assert re.findall(r"line (\d+)", joined) == [str(at) for at in range(200)]


def test_nothing_new_is_nothing(store: LogStore, write: Write) -> None:
    write(b"one\n")
    first = read_on(store, Cursor())
    assert first is not None
    assert read_on(store, first.cursor) is None


def test_an_unfinished_line_is_shown_but_not_passed(
    store: LogStore, write: Write
) -> None:
    write(b"done\n<b>half")
    piece = read_on(store, Cursor())
    assert piece is not None
    assert (shown(piece.html), piece.partial) == (["done"], "&lt;b&gt;half")
    assert piece.cursor.offset == 5
    last = read_on(store, piece.cursor, final=True)
    assert last is not None
    assert (shown(last.html), last.partial) == (["&lt;b&gt;half"], "")
    assert read_on(store, last.cursor, final=True) is None


def test_colours_go_on_in_the_next_piece(store: LogStore, write: Write) -> None:
    write(b"\x1b[31mred\n")
    piece = read_on(store, Cursor())
    assert piece is not None
    write(b"still\x1b[0m not\n")
    piece = read_on(store, piece.cursor)
    assert piece is not None
    assert '<span class="a-red">still</span> not' in piece.html


def test_a_reader_far_behind_is_taken_forward_and_told(
    store: LogStore, write: Write
) -> None:
    write(b"x" * 79 + b"\n")
    write(b"".join(b"%079d\n" % at for at in range(BACKLOG // 80 + 1)))
    piece = read_on(store, Cursor())
    assert piece is not None
    assert piece.html.startswith('<div class="line note">… ')
    assert "skipped" in piece.html
    assert '<a href="/all" download>' in piece.html
    assert int(shown(piece.html)[-1]) == BACKLOG // 80


def test_many_short_lines_are_bounded_too(store: LogStore, write: Write) -> None:
    write(b"\n" * 60_000 + b"last\n")
    piece = read_on(store, Cursor())
    assert piece is not None
    assert piece.html.count('<div class="line out">') == MOST_LINES
    assert shown(piece.html)[-1] == "last"
    assert "skipped" in piece.html


def test_a_line_without_end_neither_stops_the_reader_nor_fills_memory(
    store: LogStore, write: Write
) -> None:
    write(b"y" * 150_000)
    lines = read_all(store, Cursor())
    assert len(lines) == 4
    assert all("bytes cut" in line for line in lines)


def test_the_tail_is_the_newest_lines(store: LogStore, write: Write) -> None:
    write(b"".join(b"line %d\n" % at for at in range(2000)))
    piece = tail(store, "run", "out", "/all", final=False)
    assert shown(piece.html) == [f"line {at}" for at in range(1700, 2000)]
    assert "of earlier lines" in piece.html
    assert read_on(store, piece.cursor) is None


def test_a_tail_of_everything_has_no_note(store: LogStore, write: Write) -> None:
    write(b"one\ntwo")
    ended = tail(store, "run", "out", "/all", final=True)
    assert shown(ended.html) == ["one", "two"]
    assert "note" not in ended.html


def test_what_is_no_file_is_said_and_not_followed(
    store: LogStore, tmp_path: Path
) -> None:
    (tmp_path / "run" / "out").symlink_to("/etc/passwd")
    piece = tail(store, "run", "out", "/all", final=False)
    assert "It cannot be read" in piece.html
    assert "root:" not in piece.html
