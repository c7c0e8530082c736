"""Reading output files: offsets stay true, memory stays bounded, the root is a wall."""

from __future__ import annotations

import ctypes
import os
import random
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import pytest

from agents.services import logs
from agents.services.logs import (
    BLOCK,
    LOOK_BACK,
    MAX_READ,
    Chunk,
    Extent,
    LogStore,
    Match,
    default_log_store,
)

KEEP_SIZE, PUNCH_HOLE = 1, 2


@pytest.fixture
def store(tmp_path: Path) -> LogStore:
    return LogStore(tmp_path / "runs")


def write(
    store: LogStore, data: bytes, stream: str = "out", folder: str = "r1"
) -> Path:
    path = store.root / folder / stream
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(data)
    return path


def punch(path: Path, length: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    with path.open("r+b") as file:
        failed = libc.fallocate(
            file.fileno(),
            ctypes.c_int(PUNCH_HOLE | KEEP_SIZE),
            ctypes.c_long(0),
            ctypes.c_long(length),
        )
    if failed:
        why = os.strerror(ctypes.get_errno())
        pytest.skip(f"NOT TESTED: {path.parent} cannot punch holes: {why}")


def test_bytes_come_back_as_written(store: LogStore) -> None:
    write(store, b"a\xff\0\r\n\x1b[31m")
    assert store.read("r1", "out", 0) == Chunk(
        "out", 0, 10, True, b"a\xff\0\r\n\x1b[31m"
    )


def test_the_two_streams_are_apart(store: LogStore) -> None:
    write(store, b"one", "out")
    write(store, b"two", "err")
    assert store.read("r1", "out", 0).data == b"one"
    assert store.read("r1", "err", 0).data == b"two"


def test_a_reader_goes_on_where_it_was(store: LogStore) -> None:
    write(store, b"0123456789")
    first = store.read("r1", "out", 0, limit=4)
    assert (first.data, first.next_offset, first.eof) == (b"0123", 4, False)
    second = store.read("r1", "out", first.next_offset, limit=6)
    assert (second.data, second.next_offset, second.eof) == (b"456789", 10, True)
    assert store.read("r1", "out", 10) == Chunk("out", 10, 10, True, b"")
    write(store, b"ab")
    assert store.read("r1", "out", 10).data == b"ab"


def test_one_read_is_bounded_whatever_is_asked(store: LogStore) -> None:
    write(store, b"x" * (MAX_READ + 5))
    chunk = store.read("r1", "out", 0, limit=10**12)
    assert (len(chunk.data), chunk.eof) == (MAX_READ, False)


def test_an_offset_beyond_the_end_stays_what_it_is(store: LogStore) -> None:
    write(store, b"abc")
    assert store.read("r1", "out", 50) == Chunk("out", 50, 50, True, b"")


def test_a_missing_file_is_an_empty_one(store: LogStore) -> None:
    assert store.read("r1", "err", 3) == Chunk("err", 3, 3, True, b"")
    assert store.extent("r1", "err") == Extent(0, 0)
    assert store.tail_offset("r1", "err", 5) == 0
    assert store.search("r1", "err", "x") == []
    assert list(store.chunks("r1", "err")) == []


@pytest.mark.parametrize(
    ("stream", "offset", "limit", "says"),
    [
        ("out", -1, 10, "offset is 0 or more, not -1"),
        ("out", 0, 0, "limit is 1 or more, not 0"),
        ("log", 0, 10, "one of out, err, not 'log'"),
        ("../out", 0, 10, "one of out, err"),
    ],
)
def test_nonsense_is_refused_with_a_clear_message(
    store: LogStore, stream: str, offset: int, limit: int, says: str
) -> None:
    write(store, b"abc")
    with pytest.raises(ValueError, match=says):
        store.read("r1", stream, offset, limit)


def test_nonsense_numbers_are_refused_elsewhere_too(store: LogStore) -> None:
    write(store, b"abc")
    with pytest.raises(ValueError, match="lines is 0 or more"):
        store.tail_offset("r1", "out", -1)
    with pytest.raises(ValueError, match="limit is 1 or more"):
        store.search("r1", "out", "a", limit=0)
    with pytest.raises(ValueError, match="at most 1000 characters"):
        store.search("r1", "out", "a" * 1001)


@pytest.mark.parametrize(
    "folder", ["..", "../other", "r1/../../other", "r1/../r1", "", ".", "link", "a\0b"]
)
def test_a_folder_outside_the_root_is_refused(store: LogStore, folder: str) -> None:
    write(store, b"secret", folder="../other")
    write(store, b"mine")
    write(store, b"root", folder=".")
    (store.root / "link").symlink_to(store.root.parent / "other")
    for ask in (
        lambda: store.read(folder, "out", 0),
        lambda: store.extent(folder, "out"),
        lambda: store.tail_offset(folder, "out", 1),
        lambda: store.search(folder, "out", "e"),
        lambda: store.chunks(folder, "out"),
    ):
        with pytest.raises(ValueError):
            ask()


def test_an_absolute_folder_is_refused_even_inside_the_root(store: LogStore) -> None:
    path = write(store, b"mine")
    with pytest.raises(ValueError, match="not a folder of output"):
        store.read(str(path.parent), "out", 0)


def test_an_output_file_that_is_a_link_is_refused(store: LogStore) -> None:
    secret = write(store, b"secret", folder="../other")
    (store.root / "r1").mkdir(parents=True)
    (store.root / "r1" / "out").symlink_to(secret)
    with pytest.raises(ValueError, match="not a regular file"):
        store.read("r1", "out", 0)


def test_a_fifo_in_place_of_the_file_is_refused_and_does_not_block(
    store: LogStore,
) -> None:
    (store.root / "r1").mkdir(parents=True)
    os.mkfifo(store.root / "r1" / "out")
    with pytest.raises(ValueError, match="not a regular file"):
        store.read("r1", "out", 0)


def test_a_root_behind_a_link_works(tmp_path: Path) -> None:
    write(LogStore(tmp_path / "real"), b"abc", folder="team/r1")
    (tmp_path / "root").symlink_to(tmp_path / "real")
    assert LogStore(tmp_path / "root").read("team/r1", "out", 0).data == b"abc"


def test_no_descriptor_stays_open(store: LogStore) -> None:
    write(store, b"a\nb\n" * BLOCK)
    before = len(os.listdir("/proc/self/fd"))
    store.read("r1", "out", 0)
    store.search("r1", "out", "a")
    unfinished = store.chunks("r1", "out")
    next(unfinished)
    del unfinished
    assert len(os.listdir("/proc/self/fd")) == before


def test_offsets_stay_true_behind_a_hole(store: LogStore) -> None:
    text = b"".join(b"line %06d\n" % number for number in range(20_000))
    path = write(store, text)
    punch(path, 65536)
    assert store.extent("r1", "out") == Extent(65536, len(text))
    gone = store.read("r1", "out", 10, limit=100)
    assert (gone.offset, gone.next_offset) == (65536, 65636)
    assert gone.data == text[65536:65636]
    kept = store.read("r1", "out", 70_000, limit=50)
    assert (kept.offset, kept.data) == (70_000, text[70_000:70_050])
    assert b"".join(store.chunks("r1", "out")) == text[65536:]
    assert store.tail_offset("r1", "out", 10**6) == 65536
    (match,) = store.search("r1", "out", "LINE 019999")
    assert match == Match(len(text) - 12, None, "line 019999")


def test_a_hole_that_ends_within_a_block_hides_its_zeros(store: LogStore) -> None:
    text = b"0123456789" * 5000
    punch(write(store, text), 8195)
    assert store.extent("r1", "out") == Extent(8195, len(text))
    assert store.read("r1", "out", 0, limit=5).data == text[8195:8200]


def test_zeros_that_a_program_wrote_are_kept(store: LogStore) -> None:
    write(store, b"\0" * 10 + b"abc")
    assert store.extent("r1", "out") == Extent(0, 13)
    path = write(store, b"x" * 4096 + b"\0" * 4096 + b"y", folder="r2")
    punch(path, 4096)
    assert store.extent("r2", "out") == Extent(4096, 8193)


def test_a_file_that_is_all_hole_has_nothing_to_read(store: LogStore) -> None:
    path = write(store, b"x" * 8192)
    punch(path, 8192)
    assert store.extent("r1", "out") == Extent(8192, 8192)
    assert store.read("r1", "out", 0) == Chunk("out", 8192, 8192, True, b"")
    write(store, b"more")
    assert store.read("r1", "out", 0).offset == 8192
    assert store.read("r1", "out", 0).data == b"more"


def test_a_hole_punched_during_a_read_never_shows_as_zeros(
    store: LogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(store, b"x" * 20_000)
    really = os.pread
    punched: list[int] = []

    def punch_first(fd: int, length: int, offset: int) -> bytes:
        if not punched:
            punched.append(offset)
            punch(path, 8192)
        return really(fd, length, offset)

    monkeypatch.setattr(os, "pread", punch_first)
    chunk = store.read("r1", "out", 0, limit=100)
    assert punched == [0]
    assert chunk == Chunk("out", 8192, 8292, False, b"x" * 100)


@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_the_tail_begins_with_the_last_lines(store: LogStore, ending: bytes) -> None:
    write(store, b"one\n\nthree\nfour" + ending)
    assert store.tail_offset("r1", "out", 0) == 15 + len(ending)
    assert store.tail_offset("r1", "out", 1) == 11
    assert store.tail_offset("r1", "out", 2) == 5
    assert store.tail_offset("r1", "out", 3) == 4
    assert store.tail_offset("r1", "out", 4) == 0
    assert store.tail_offset("r1", "out", 99) == 0


def test_the_tail_is_found_across_blocks(store: LogStore) -> None:
    rng = random.Random(7)
    lines = [b"y" * rng.randrange(2000) + b"\n" for _ in range(1000)]
    write(store, b"".join(lines))
    assert sum(map(len, lines)) > 3 * BLOCK
    for wanted in (1, 2, 300, 301, 700, 999, 1000):
        expected = sum(map(len, lines[: 1000 - wanted]))
        assert store.tail_offset("r1", "out", wanted) == expected


def test_a_newline_on_the_edge_of_a_block_is_counted_once(store: LogStore) -> None:
    write(store, b"first\n" + b"x" * (BLOCK - 1) + b"\n" + b"y" * (BLOCK - 1) + b"\n")
    assert store.tail_offset("r1", "out", 1) == 6 + BLOCK
    assert store.tail_offset("r1", "out", 2) == 6


def test_the_tail_looks_back_only_so_far(store: LogStore) -> None:
    path = write(store, b"start\n")
    with path.open("r+b") as file:
        file.seek(0, os.SEEK_END)
        file.write(b"x" * LOOK_BACK + b"\nlast\n")
    size = path.stat().st_size
    assert store.tail_offset("r1", "out", 2) == size - 5
    path = write(store, b"start\n" + b"x" * 2 * LOOK_BACK, folder="r2")
    assert store.tail_offset("r2", "out", 1) == path.stat().st_size - LOOK_BACK


def test_a_search_ignores_case_and_numbers_its_lines(store: LogStore) -> None:
    write(store, "Fine\nAn ERROR\n\nÄrger: error, error\nfine".encode())
    assert store.search("r1", "out", "Error") == [
        Match(5, 2, "An ERROR"),
        Match(15, 4, "Ärger: error, error"),
    ]
    assert store.search("r1", "out", "äRGER")[0].line_number == 4
    assert store.search("r1", "out", "FINE")[-1] == Match(36, 5, "fine")


def test_a_search_for_a_pattern_means_its_characters(store: LogStore) -> None:
    write(store, b"abc\na.c\n")
    assert [match.text for match in store.search("r1", "out", "a.c")] == ["a.c"]


def test_a_search_for_nothing_or_for_a_line_end_finds_nothing(store: LogStore) -> None:
    write(store, b"a\nb\n")
    assert store.search("r1", "out", "") == []
    assert store.search("r1", "out", "a\nb") == []


def test_a_search_keeps_the_newest_matches_in_order(store: LogStore) -> None:
    write(store, b"".join(b"hit %d\n" % number for number in range(100_000)))
    matches = store.search("r1", "out", "hit", limit=3)
    assert [match.text for match in matches] == ["hit 99997", "hit 99998", "hit 99999"]
    assert [match.line_number for match in matches] == [99998, 99999, 100_000]
    for match in matches:
        data = store.read("r1", "out", match.offset, limit=9).data
        assert data.decode() == match.text


def test_offsets_of_matches_count_invalid_bytes_as_they_are(store: LogStore) -> None:
    write(store, b"\xff\xfe hit\n\xe2\x82\xac\n\xf0 hit\n")
    assert [match.offset for match in store.search("r1", "out", "HIT")] == [0, 11]
    assert store.search("r1", "out", "HIT")[1].text == "\ufffd hit"


def test_a_match_is_shown_without_colours_and_without_what_replaced_it(
    store: LogStore,
) -> None:
    write(store, b"10%\r\x1b[31mboom\x1b[0m here\r99%\n")
    assert store.search("r1", "out", "boom") == [Match(0, 1, "boom here")]


def test_a_match_in_a_long_line_is_cut_around_it(store: LogStore) -> None:
    write(store, b"a" * 9000 + b" needle " + b"b" * 9000 + b"\n")
    (match,) = store.search("r1", "out", "NEEDLE")
    assert " needle " in match.text
    assert len(match.text) < 700


@pytest.mark.parametrize("shift", range(-7, 2))
def test_a_match_across_the_parts_of_a_huge_line_is_found_once(
    store: LogStore, shift: int
) -> None:
    write(store, b"x" * (BLOCK + shift) + b"needle" + b"x" * BLOCK + b"\nneedle\n")
    matches = store.search("r1", "out", "needle")
    assert [match.line_number for match in matches] == [1, 2]
    assert all("needle" in match.text for match in matches)


@pytest.mark.parametrize("seed", range(10))
def test_a_search_agrees_with_a_simple_one(store: LogStore, seed: int) -> None:
    rng = random.Random(seed)
    words = ["Hit", "hit", "é", "\n", "\n", " some text", "y" * 5000]
    text = "".join(rng.choices(words, k=1500))
    write(store, text.encode())
    expected, offset = [], 0
    for number, line in enumerate(text.split("\n"), 1):
        if "hit" in line.lower():
            expected.append((offset, number))
        offset += len(line.encode()) + 1
    found = store.search("r1", "out", "HIT", limit=10_000)
    assert [(match.offset, match.line_number) for match in found] == expected
    assert len(expected) > 100


def test_a_download_ends_at_the_size_it_began_with(store: LogStore) -> None:
    data = random.Random(1).randbytes(3 * BLOCK + 17)
    write(store, data)
    chunks = store.chunks("r1", "out")
    first = next(chunks)
    write(store, b"later")
    assert first + b"".join(chunks) == data


def test_a_huge_line_is_searched_and_downloaded_in_bounded_memory(
    store: LogStore,
) -> None:
    path = write(store, b"")
    for _ in range(100):
        write(store, b"x" * 1_000_000)
    tracemalloc.start()
    try:
        assert store.search("r1", "out", "needle") == []
        assert sum(map(len, store.chunks("r1", "out"))) == path.stat().st_size
        store.tail_offset("r1", "out", 10)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000


def test_the_default_store_lives_in_the_data_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = SimpleNamespace(AGENTHUB_DATA_DIR=tmp_path)
    monkeypatch.setattr(logs, "settings", settings)
    store = default_log_store()
    write(LogStore(tmp_path / "runs"), b"abc")
    assert store.read("r1", "out", 0).data == b"abc"
