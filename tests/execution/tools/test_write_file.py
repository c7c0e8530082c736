"""`write_file`: whole or not at all, and nothing but what was asked."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from agents.execution.tools import replacing
from agents.execution.tools.tool import Outcome, Surroundings
from tests.execution.tools.conftest import Call, contents


def test_a_new_file_is_written_with_its_directories(
    workspace: Path, call: Call
) -> None:
    outcome = call("write_file", path="a/b/c.txt", content="é\n")
    text = "a/b/c.txt written, a new file: 3 bytes"
    assert outcome == Outcome(text, files=("a/b/c.txt",))
    assert contents(workspace) == {"a/b/c.txt": "é\n".encode()}


def test_modes_are_those_of_the_user_or_of_the_old_file(
    workspace: Path, call: Call
) -> None:
    before = os.umask(0o027)
    try:
        call("write_file", path="new/file", content="x")
    finally:
        os.umask(before)
    assert (workspace / "new").stat().st_mode & 0o777 == 0o750
    assert (workspace / "new/file").stat().st_mode & 0o777 == 0o640
    old = workspace / "old.sh"
    old.write_text("old")
    old.chmod(0o6755)
    outcome = call("write_file", path="old.sh", content="new")
    assert outcome.text == "old.sh written, in place of the old one: 3 bytes"
    # Set-user-id goes, as it does with any write.
    assert old.stat().st_mode & 0o7777 == 0o755
    assert old.read_text() == "new"


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give files away")
def test_the_owner_of_an_old_file_stays_its_owner(workspace: Path, call: Call) -> None:
    (workspace / "file").touch()
    os.chown(workspace / "file", 1234, 2345)
    assert not call("write_file", path="file", content="x").error
    found = (workspace / "file").stat()
    assert (found.st_uid, found.st_gid) == (1234, 2345)


def test_a_read_only_file_stays_as_it_is(workspace: Path, call: Call) -> None:
    (workspace / "file").write_text("old")
    (workspace / "file").chmod(0o444)
    outcome = call("write_file", path="file", content="new")
    assert outcome.error
    assert "file is read-only" in outcome.text
    assert contents(workspace) == {"file": b"old"}


def test_another_name_of_the_same_file_keeps_the_old_content(
    workspace: Path, outside: Path, call: Call
) -> None:
    os.link(outside / "secret.txt", workspace / "name")
    assert not call("write_file", path="name", content="mine").error
    assert (outside / "secret.txt").read_text() == "the secret\n"


@pytest.mark.parametrize(
    "path", [".git/hooks/pre-commit", ".GIT/config", "sub/.git", ".hg/hgrc"]
)
def test_what_version_control_would_run_is_not_written(
    workspace: Path, call: Call, path: str
) -> None:
    outcome = call("write_file", path=path, content="x")
    assert outcome.error
    assert "belongs to version control" in outcome.text
    assert os.listdir(workspace) == []


def test_names_that_only_look_like_it_are_written(workspace: Path, call: Call) -> None:
    for path in (".gitignore", ".github/ci.yml", "git/x"):
        assert not call("write_file", path=path, content="x").error


def test_too_much_is_refused(workspace: Path, call: Call) -> None:
    content = "x" * (replacing.MOST_BYTES + 1)
    outcome = call("write_file", path="file", content=content)
    assert outcome.error
    assert "4,194,305 bytes, and 4,194,304 can be written" in outcome.text
    assert os.listdir(workspace) == []
    assert not call("write_file", path="file", content=content[1:]).error


def test_a_write_that_fails_half_way_leaves_the_old_file_and_nothing_else(
    workspace: Path, call: Call
) -> None:
    (workspace / "file").write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        outcome = call("write_file", path="file", content="x" * 200_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert outcome == Outcome("File too large", error=True)
    assert contents(workspace) == {"file": b"old"}


def test_who_reads_meanwhile_sees_the_old_or_the_new(
    workspace: Path, call: Call
) -> None:
    (workspace / "file").write_text("old" * 100_000)
    with (workspace / "file").open() as reader:
        call("write_file", path="file", content="new")
        assert reader.read() == "old" * 100_000
    assert (workspace / "file").read_text() == "new"


def test_the_workspace_itself_is_no_file(around: Surroundings, call: Call) -> None:
    for path in (".", "/", str(around.workspace)):
        assert call("write_file", path=path, content="x").error
