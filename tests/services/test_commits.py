"""The kernel's word of other processes' commits, on the real database files."""

from __future__ import annotations

import os
import select
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from agents.services import commits
from agents.services.commits import CommitWatch
from tests.harness.processes import run_python


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A write-ahead-logged database of its own, which the watch is told about."""
    path = tmp_path / "db.sqlite3"
    with sqlite3.connect(path) as made:
        made.execute("PRAGMA journal_mode=WAL")
        made.execute("CREATE TABLE t (x)")
    made.close()
    monkeypatch.setitem(connection.settings_dict, "NAME", str(path))
    return path


@pytest.fixture
def watch(database: Path) -> Iterator[CommitWatch]:
    watch = CommitWatch()
    yield watch
    watch.close()


def commit(database: Path) -> None:
    done = run_python(
        "db = sqlite3.connect(path)\ndb.execute('INSERT INTO t VALUES (1)')\n"
        "db.commit()\ndb.close()\n",
        f"import sqlite3\npath = {str(database)!r}\n",
    )
    assert done.returncode == 0, done.stderr


def readable(watch: CommitWatch, seconds: float) -> bool:
    return bool(select.select([watch.descriptor], [], [], seconds)[0])


def test_a_commit_of_another_process_is_heard(
    watch: CommitWatch, database: Path
) -> None:
    assert not readable(watch, 0)
    commit(database)
    assert readable(watch, 5)
    assert watch.heard()
    assert not readable(watch, 0)
    assert not watch.heard()


def test_the_log_may_come_and_go(watch: CommitWatch, database: Path) -> None:
    """The last connection that closes takes the log away; the next makes a new one."""
    for _ in range(2):
        commit(database)
        assert not database.with_name("db.sqlite3-wal").exists()
        assert watch.heard()


def test_other_files_beside_it_are_not_taken_for_commits(
    watch: CommitWatch, database: Path
) -> None:
    database.with_name("db.sqlite3-copy").write_text("x")
    database.with_name("secret").write_text("x")
    assert readable(watch, 5)
    assert not watch.heard()


def test_a_reader_makes_no_noise(watch: CommitWatch, database: Path) -> None:
    open_one = sqlite3.connect(database)
    open_one.execute("INSERT INTO t VALUES (1)")
    open_one.commit()
    assert watch.heard()
    assert open_one.execute("SELECT count(*) FROM t").fetchone() == (1,)
    assert not readable(watch, 0)
    open_one.close()


def test_where_it_cannot_be_had_it_is_done_without(
    database: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setitem(connection.settings_dict, "NAME", "/nowhere/db.sqlite3")
    with caplog.at_level("INFO"):
        assert commits.watch() is None
    assert "No such file or directory" in caplog.text
    assert len(os.listdir("/proc/self/fd")) == before
