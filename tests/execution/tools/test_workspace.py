"""Paths do not leave the workspace, however they are written and whatever is there."""

from __future__ import annotations

import itertools
import os
import random
import socket
from pathlib import Path

import pytest

from agents.execution.tools import workspace as module
from agents.execution.tools.tool import Outcome, Refused
from agents.execution.tools.workspace import Workspace, shown
from tests.execution.tools.conftest import Call, contents


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        (".", ()),
        ("a", ("a",)),
        ("./a//b/./c/", ("a", "b", "c")),
        ("a/...", ("a", "...")),
        (" a", (" a",)),
        ("a\nb", ("a\nb",)),
    ],
)
def test_a_path_is_the_names_on_the_way(
    workspace: Path, path: str, parts: tuple[str, ...]
) -> None:
    assert Workspace(workspace).parts(path) == parts


def test_an_absolute_path_may_name_what_is_inside(
    workspace: Path, tmp_path: Path
) -> None:
    one = Workspace(workspace)
    assert one.parts(f"{workspace}/a/b") == ("a", "b")
    assert one.parts(str(workspace)) == ()
    link = tmp_path / "link"
    link.symlink_to(workspace)
    # Whichever name the workspace was told by: the model may have seen the other.
    assert Workspace(link).parts(f"{workspace}/a") == ("a",)
    assert Workspace(link).parts(f"{link}/a") == ("a",)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("..", "'..'"),
        ("a/../b", "'..'"),
        ("a/b/../../../outside", "'..'"),
        ("/", "outside the workspace"),
        ("/etc/passwd", "outside the workspace"),
        ("//etc/passwd", "outside the workspace"),
        ("~", "~ is not known"),
        ("~/x", "~ is not known"),
        ("a\0b", "NUL"),
        ("a\ud800b", "half a letter"),
        ("n" * 256, "255 bytes"),
        ("é" * 128, "255 bytes"),
        ("/".join("a" * 65), "64 directories"),
        ("a/" * 1001, "2,000 characters"),
    ],
)
def test_other_paths_are_refused_with_what_to_change(
    workspace: Path, path: str, why: str
) -> None:
    with pytest.raises(Refused, match=why):
        Workspace(workspace).parts(path)


def test_a_neighbour_with_a_longer_name_is_outside(workspace: Path) -> None:
    with pytest.raises(Refused, match="outside"):
        Workspace(workspace).parts(f"{workspace}2/a")
    with pytest.raises(Refused, match=r"'\.\.'"):
        Workspace(workspace).parts(f"{workspace}/../outside/secret.txt")


def test_no_path_of_awkward_pieces_reads_or_writes_outside(
    workspace: Path, outside: Path, call: Call
) -> None:
    """Two thousand paths at random, of all that ever led out of somewhere."""
    (workspace / "inside").mkdir()
    (workspace / "inside" / "file").write_text("inside\n")
    (workspace / "to_outside").symlink_to(outside)
    (workspace / "to_root").symlink_to("/")
    (workspace / "to_above").symlink_to("..")
    (workspace / "to_file").symlink_to(outside / "secret.txt")
    (workspace / "to_itself").symlink_to("to_itself")
    pieces = [
        "..", ".", "", "inside", "to_outside", "to_root", "to_above", "to_file",
        "to_itself", "outside", "secret.txt", "file", "workspace", "~", "%2e%2e",
        "..\\", "...", str(outside), str(workspace), "\N{FULLWIDTH FULL STOP}" * 2,
    ]  # fmt: skip
    before, chance = contents(outside), random.Random(20_26)
    one = Workspace(workspace)
    read = written = refused = 0
    for number in range(2000):
        path = "/".join(chance.choices(pieces, k=chance.randint(1, 5)))
        try:
            parts = one.parts(path)
            with one.file(parts) as file:
                assert file.read() in (b"inside\n", b"mine")
            read += 1
        except (Refused, OSError):
            refused += 1
        if number % 20 == 0:
            outcome = call("write_file", path=path, content="mine")
            written += not outcome.error
    assert contents(outside) == before
    assert sorted(os.listdir(workspace.parent)) == ["outside", "run", "workspace"]
    assert read > 5
    assert written > 5
    assert refused > 500


TOOLS = {
    "read_file": {},
    "write_file": {"content": "x"},
    "edit_file": {"old_text": "secret", "new_text": "x"},
    "list_files": {},
    "search_files": {"pattern": "secret"},
}


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("inside", [True, False], ids=["inside", "outside"])
def test_no_tool_follows_a_link_wherever_it_is_in_the_path(
    workspace: Path, outside: Path, call: Call, tool: str, inside: bool
) -> None:
    target = workspace / "real" if inside else outside
    if inside:
        target.mkdir()
        (target / "secret.txt").write_text("the secret\n")
    (workspace / "directory").symlink_to(target)
    (workspace / "file").symlink_to(target / "secret.txt")
    (workspace / "nowhere").symlink_to("/no/such/thing")
    before = contents(target)
    paths = ["directory/secret.txt", "file", "nowhere", "directory", "directory/new/x"]
    for path in paths:
        outcome = call(tool, path=path, **TOOLS[tool])
        if tool == "search_files" and not outcome.error:
            assert outcome.text.startswith("[nothing found]"), path
            continue
        assert outcome.error, path
        assert "links are not followed; use the path of the" in outcome.text
    assert contents(target) == before


@pytest.mark.parametrize("tool", ["read_file", "write_file", "edit_file"])
def test_what_is_no_plain_file_is_named_and_neither_blocks_nor_is_replaced(
    workspace: Path, call: Call, tool: str
) -> None:
    os.mkfifo(workspace / "pipe")
    (workspace / "directory").mkdir()
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(workspace / "socket"))
    what = {"pipe": "named pipe", "directory": "directory", "socket": "socket"}
    for name, words in what.items():
        before = os.lstat(workspace / name).st_mode
        outcome = call(tool, path=name, **TOOLS[tool])
        assert outcome.error
        assert f"{name} is a {words}; " in outcome.text
        assert os.lstat(workspace / name).st_mode == before


@pytest.mark.skipif(os.getuid() != 0, reason="only root may make a device")
def test_a_device_is_not_even_opened(workspace: Path, call: Call) -> None:
    os.mknod(workspace / "zero", 0o666 | 0o020000, os.makedev(1, 5))
    outcome = call("read_file", path="zero")
    assert outcome == Outcome(
        "zero is a device; only regular files can be used", error=True
    )


@pytest.mark.parametrize("what", ["named pipe", "symbolic link"])
def test_what_comes_in_a_files_place_after_the_look_is_refused_too(
    workspace: Path, outside: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """And a pipe does not block: this would not end."""
    file = workspace / "file"
    file.write_text("text")
    look = module.regular_or_refused
    looks = itertools.count()

    def swap(mode: int, path: tuple[str, ...]) -> None:
        if next(looks) == 0:
            file.unlink()
            if what == "named pipe":
                os.mkfifo(file)
            else:
                file.symlink_to(outside / "secret.txt")
        look(mode, path)

    monkeypatch.setattr(module, "regular_or_refused", swap)
    with (
        pytest.raises((Refused, OSError), match=what),
        Workspace(workspace).file(("file",)) as opened,
    ):
        pytest.fail(f"read {opened.read()!r}")
    assert next(looks) > 0


def test_a_file_on_the_way_and_what_is_missing_are_told_apart(
    workspace: Path, call: Call
) -> None:
    (workspace / "file").write_text("x")
    assert call("read_file", path="file/x").text == ("file is a file; name a directory")
    assert "no directory a" in call("read_file", path="a/b").text
    assert "no file b; see list_files" in call("read_file", path="b").text
    assert "names" not in call("read_file", path=".").text
    assert "workspace itself" in call("read_file", path=".").text


def test_a_workspace_that_is_gone_is_for_a_person_to_put_right(
    workspace: Path, call: Call
) -> None:
    workspace.rmdir()
    for tool, arguments in TOOLS.items():
        outcome = call(tool, **{"path": "x", **arguments})
        assert outcome.error
        assert "A person has to put that right" in outcome.text


def test_no_descriptor_is_left_open(workspace: Path, call: Call) -> None:
    (workspace / "a" / "b").mkdir(parents=True)
    (workspace / "a" / "b" / "file").write_text("x")
    (workspace / "link").symlink_to("a")
    before = len(os.listdir("/proc/self/fd"))
    one = Workspace(workspace)
    for path in (("a", "b", "file"), ("a", "b"), ("link", "b"), ("a", "x"), ("x", "y")):
        try:
            with one.file(path) as file:
                file.read()
        except Refused:
            pass
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_path_is_shown_in_one_line_of_bounded_length() -> None:
    assert shown(("a", "b c")) == "a/b c"
    assert shown(()) == "."
    assert shown("a\nb") == "'a\\nb'"
    assert shown("\udcff") == "'\\udcff'"
    assert len(shown("x" * 5000)) < 210
