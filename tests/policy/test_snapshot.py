"""What differs between two looks at a directory, within bounds."""

from __future__ import annotations

import os
from pathlib import Path

from agents.policy import snapshot


def test_what_came_went_and_changed_is_found_and_nothing_else(tmp_path: Path) -> None:
    for name in ("same", "changed", "gone", "replaced"):
        (tmp_path / name).write_text(name)
    (tmp_path / "deep").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path)
    before = snapshot.take(str(tmp_path))
    (tmp_path / "changed").write_text("longer than before")
    (tmp_path / "gone").unlink()
    (tmp_path / "deep" / "new").write_text("x")
    other = tmp_path / "other"
    other.write_text("replaced")
    times = os.stat(tmp_path / "replaced")
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.rename(tmp_path / "replaced")
    after = snapshot.take(str(tmp_path))
    assert snapshot.changed(before, after) == [
        "changed",
        "deep/new",
        "gone",
        "replaced",
    ]


def test_what_nobody_writes_by_hand_is_passed_by_but_a_commit_is_seen(
    tmp_path: Path,
) -> None:
    before = snapshot.take(str(tmp_path))
    for name in ("node_modules/a", "__pycache__/b", ".git/objects/c", ".git/logs/HEAD"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / ".agenthub-123").write_text("half")
    after = snapshot.take(str(tmp_path))
    assert snapshot.changed(before, after) == [".git/logs/HEAD"]


def test_a_directory_that_is_too_large_is_said_to_be(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / str(number)).touch()
    assert snapshot.take(str(tmp_path), most=4).missed == (
        "not looked at: more than 4 files"
    )
    assert "longer than" in snapshot.take(str(tmp_path), longest=-1.0).missed
    assert snapshot.take(str(tmp_path), most=5).missed == ""
    assert snapshot.take(str(tmp_path / "none")).files == {}
