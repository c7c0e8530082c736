"""Output is bounded on real files, and no reader loses what is kept."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agents.services.logs import LogStore
from agents.services.output import Cursor, follow, tail
from agents.supervisor import retention
from agents.supervisor.retention import (
    MIB,
    Bounds,
    Keeper,
    drop_old_runs,
    drop_past,
    trim,
    untouched,
)

SMALL = Bounds(stream=MIB, agent=3 * MIB, slack=MIB // 2)
TINY = Bounds(stream=64 * 1024, agent=MIB, slack=16 * 1024)
WRITER = """
import sys
with open(sys.argv[1], "ab", buffering=0) as file:
    for n in range(200_000):
        file.write(b"line %09d of a program that has much to say\\n" % n)
"""


def on_disk(path: Path) -> int:
    return path.stat().st_blocks * 512


def make_run(runs: Path, agent: str, run: str, size: int) -> Path:
    folder = runs / agent / run
    folder.mkdir(parents=True)
    (folder / "out").write_bytes(b"x" * size)
    (folder / "err").touch()
    exit_ = folder / "exit"
    exit_.write_text("000\n")
    ended = int(run[:6]) * 1_000_000_000
    os.utime(exit_, ns=(ended, ended))
    return folder


def test_a_file_keeps_its_newest_part_and_its_size(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "a", "000001-x", 4 * MIB)
    out = folder / "out"
    assert trim(str(out), SMALL) >= 2 * MIB
    assert out.stat().st_size == 4 * MIB
    assert MIB <= on_disk(out) <= MIB + 64 * 1024
    extent = LogStore(tmp_path).extent("a/000001-x", "out")
    assert 0 < extent.start <= 3 * MIB
    assert extent.end == 4 * MIB


def test_a_file_within_its_bound_and_slack_is_left_alone(tmp_path: Path) -> None:
    out = make_run(tmp_path, "a", "000001-x", MIB + MIB // 4) / "out"
    before = on_disk(out)
    assert trim(str(out), SMALL) == 0
    assert on_disk(out) == before


def test_what_is_not_there_or_is_no_plain_file_is_left_alone(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"y" * (4 * MIB))
    (tmp_path / "out").symlink_to(elsewhere)
    assert trim(str(tmp_path / "out"), SMALL) == 0
    assert trim(str(tmp_path / "missing"), SMALL) == 0
    assert on_disk(elsewhere) >= 4 * MIB


def test_a_reader_follows_without_a_gap_while_holes_are_punched(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "a", "000001-x", 0)
    out, store, keeper = folder / "out", LogStore(tmp_path), Keeper(SMALL)
    with subprocess.Popen([sys.executable, "-c", WRITER, str(out)]) as writer:
        seen, offset = bytearray(), 0
        while True:
            over = writer.poll() is not None
            chunk = store.read("a/000001-x", "out", offset, MIB)
            assert chunk.offset == offset, "The reader was not ahead of the hole."
            seen += chunk.data
            offset = chunk.next_offset
            keeper.look([folder])
            if over and chunk.eof:
                break
    lines = seen.decode().splitlines()
    assert [int(line.split()[1]) for line in lines] == list(range(200_000))
    assert out.stat().st_size == len(seen) > 8 * MIB
    assert on_disk(out) <= SMALL.stream + SMALL.slack + MIB


def test_a_page_follows_without_a_gap_while_holes_are_punched(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "a", "000001-x", 0)
    store, keeper = LogStore(tmp_path), Keeper(TINY)
    seen, cursor = [], Cursor()
    with (folder / "out").open("ab", buffering=0) as file:
        for step in range(1000):
            file.write(b"".join(b"line %08d\n" % n for n in lines_of(step)))
            keeper.look([folder])
            piece = follow(store, "a/000001-x", "out", cursor, "", final=False)
            assert piece is not None
            seen += re.findall(r"line (\d{8})</div>", piece.html)
            assert "skipped" not in piece.html
            cursor = piece.cursor
    assert [int(number) for number in seen] == list(range(100_000))
    assert cursor.offset == (folder / "out").stat().st_size
    assert store.extent("a/000001-x", "out").start > MIB


def lines_of(step: int) -> range:
    return range(step * 100, (step + 1) * 100)


def test_a_page_that_comes_late_begins_at_what_is_kept_and_says_what_is_gone(
    tmp_path: Path,
) -> None:
    folder = make_run(tmp_path, "a", "000001-x", 0)
    store = LogStore(tmp_path)
    (folder / "out").write_bytes(b"".join(b"line %08d\n" % n for n in range(100_000)))
    assert trim(str(folder / "out"), TINY) > MIB
    start = store.extent("a/000001-x", "out").start
    late = follow(store, "a/000001-x", "out", Cursor(), "", final=True)
    assert late is not None and "skipped" in late.html
    opened = tail(store, "a/000001-x", "out", "/all", final=True)
    assert "of earlier lines, the oldest are not kept any more" in opened.html
    assert "line 00099999</div>" in opened.html
    # Searched and downloaded is what is kept, with offsets as they always were.
    [match] = store.search("a/000001-x", "out", "line 00099000")
    assert (match.offset, match.line_number) == (99_000 * 14, None)
    assert store.search("a/000001-x", "out", "line 00000500") == []
    kept = b"".join(store.chunks("a/000001-x", "out"))
    assert kept == (folder / "out").read_bytes()[start:]


def test_the_oldest_runs_lose_their_output_and_the_newest_never(tmp_path: Path) -> None:
    folders = [make_run(tmp_path, "a", f"{n:06d}-x", MIB) for n in range(1, 6)]
    assert drop_old_runs(folders[-1], SMALL) == ["000002-x", "000001-x"]
    assert drop_old_runs(folders[-1], SMALL) == []
    left = sorted(path.parent.name for path in tmp_path.glob("a/*/out"))
    assert left == ["000003-x", "000004-x", "000005-x"]
    huge = make_run(tmp_path, "b", "000001-x", 5 * MIB)
    assert drop_old_runs(huge, SMALL) == []
    assert (huge / "out").stat().st_size == 5 * MIB
    assert drop_old_runs(tmp_path / "no-such-agent" / "000001-x", SMALL) == []


def test_an_agent_made_anew_under_an_old_name_keeps_its_first_run(
    tmp_path: Path,
) -> None:
    old = [make_run(tmp_path, "a", f"{n:06d}-old", MIB) for n in range(7, 11)]
    newest = make_run(tmp_path, "a", "000001-new", MIB)
    assert drop_old_runs(newest, SMALL) == ["000008-old", "000007-old"]
    assert (newest / "out").exists()
    assert (old[-1] / "out").exists()


def test_a_new_run_makes_room_by_itself(tmp_path: Path) -> None:
    keeper = Keeper(SMALL)
    folders = [make_run(tmp_path, "a", f"{n:06d}-x", MIB) for n in range(1, 6)]
    keeper.look(folders[-1:])
    assert not (folders[0] / "out").exists()
    assert (folders[-1] / "out").exists()


def test_a_file_system_without_holes_is_said_once_and_loses_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No such file system can be had here: its answer is stood in for."""

    def refuse(descriptor: int, end: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(retention, "_punch", refuse)
    out = make_run(tmp_path, "a", "000001-x", 4 * MIB) / "out"
    with caplog.at_level(logging.WARNING):
        assert trim(str(out), SMALL) == trim(str(out), SMALL) == 0
    assert caplog.text.count("cannot punch holes") == 1
    assert on_disk(out) >= 4 * MIB


def test_folders_in_which_nothing_came_or_went_are_found(tmp_path: Path) -> None:
    old, young = (make_run(tmp_path, "a", f"00000{n}-x", 1) for n in (1, 2))
    os.utime(old, (1000, 1000))
    os.utime(young, (3000, 3000))
    (tmp_path / "a" / "linked").symlink_to(old)
    (tmp_path / "linked").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "note").write_text("no folder")
    assert untouched(tmp_path, 2000) == ["a/000001-x"]
    assert untouched(tmp_path / "missing", 2000) == []


def test_a_past_run_loses_its_files_and_the_latest_only_its_live_text(
    tmp_path: Path,
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").touch()
    runs = tmp_path / "runs"
    old, latest, other = (make_run(runs, "a", f"00000{n}-x", 1) for n in (1, 2, 3))
    for folder in (old, latest, other):
        (folder / "task-7").touch()
    (old / "linked").symlink_to(elsewhere)
    past = {"a/000001-x": False, "a/000002-x": True, "a/000009-x": False}
    drop_past(runs, past)
    assert not old.exists()
    assert sorted(path.name for path in latest.iterdir()) == ["err", "exit", "out"]
    assert (other / "task-7").exists()
    assert (elsewhere / "precious").exists(), "links are not followed"
