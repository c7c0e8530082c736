"""`list_files`: what is there, level by level, and when that is not all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agents.execution.tools import list_files, walking
from agents.execution.tools.tool import Refused
from agents.execution.tools.walking import Glob
from tests.execution.tools.conftest import Call


@pytest.fixture
def project(workspace: Path, outside: Path) -> Path:
    for name in ("a.py", "src/b.py", "src/deep/er/c.py", "src/deep/d.txt", ".git/HEAD"):
        (workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace / name).write_text("12345")
    (workspace / "link").symlink_to(outside)
    os.mkfifo(workspace / "pipe")
    return workspace


def test_kinds_and_sizes_are_told_level_by_level(project: Path, call: Call) -> None:
    assert call("list_files").text.split("\n") == [
        ".git/",
        "a.py  5",
        "link  (a symbolic link, not followed)",
        "pipe  (a named pipe)",
        "src/",
        "src/b.py  5",
        "src/deep/",
        "src/deep/d.txt  5",
        "src/deep/er/",
    ]


def test_depth_and_directory_are_chosen(project: Path, call: Call) -> None:
    one = call("list_files", path="src", depth=1).text
    assert one.split("\n") == ["src/b.py  5", "src/deep/"]
    assert "src/deep/er/c.py  5" in call("list_files", depth=4).text


def test_a_pattern_is_looked_for_on_all_levels(project: Path, call: Call) -> None:
    found = call("list_files", pattern="*.py").text.split("\n")
    assert found == ["a.py  5", "src/b.py  5", "src/deep/er/c.py  5"]
    found = call("list_files", path="src", pattern="deep/**/*.py").text.split("\n")
    assert found == ["src/deep/er/c.py  5"]
    assert call("list_files", pattern="*.rs").text == "[nothing like that here]"


def test_an_empty_directory_and_a_missing_one_are_told_apart(
    workspace: Path, call: Call
) -> None:
    assert call("list_files").text == "[nothing here]"
    assert call("list_files", path="x").text == "there is no directory x"
    (workspace / "file").touch()
    assert call("list_files", path="file").text == "file is a file; name a directory"


def test_names_that_would_break_the_list_are_quoted(
    workspace: Path, call: Call
) -> None:
    (workspace / "two\nlines").touch()
    (workspace / "red\x1b[31m").touch()
    Path(os.fsdecode(os.fsencode(workspace) + b"/caf\xe9")).touch()
    assert sorted(call("list_files").text.split("\n")) == [
        "'caf\\udce9'  0",
        "'red\\x1b[31m'  0",
        "'two\\nlines'  0",
    ]


def test_more_than_it_shows_is_said(
    workspace: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        (workspace / f"file{number:02}").touch()
    monkeypatch.setattr(list_files, "MOST", 10)
    *lines, note = call("list_files").text.split("\n")
    assert lines == [f"file{number:02}  0" for number in range(10)]
    assert note.startswith("[there is more than these 10; ")
    monkeypatch.setattr(walking, "MOST_IN_ONE", 5)
    assert call("list_files").text.endswith("[. has too many entries]")
    monkeypatch.setattr(list_files, "SECONDS", -1.0)
    assert "not everything was looked at" in call("list_files").text


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.py", "a.py", True),
        ("*.py", "x/y/a.py", True),
        ("*.py", "a.pyc", False),
        ("/*.py", "a.py", True),
        ("/*.py", "x/a.py", False),
        ("src/*.py", "src/a.py", True),
        ("src/*.py", "src/x/a.py", False),
        ("src/**", "src/x/a.py", True),
        ("src/**", "lib/a.py", False),
        ("src/**/a.py", "src/a.py", True),
        ("src/**/a.py", "src/x/y/a.py", True),
        ("**/x/**/a.py", "a/x/b/a.py", True),
        ("**/x/**/a.py", "a/b/a.py", False),
        ("**", "a", True),
        ("[ab]?c", "bxc", True),
        ("[!ab]?c", "bxc", False),
        ("A", "a", False),
    ],
)
def test_a_glob_is_about_names_or_whole_paths(
    pattern: str, path: str, matches: bool
) -> None:
    assert Glob(pattern).matches(tuple(path.split("/"))) is matches


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("*.{js,ts}", "once for each"),
        ("../*", "in the workspace"),
        ("", "in the workspace"),
        ("x" * 301, "300"),
    ],
)
def test_a_glob_that_cannot_be_meant_is_refused(pattern: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        Glob(pattern)


def test_no_glob_takes_exponential_time() -> None:
    """A test that fails by not ending."""
    assert not Glob("**/a/" * 50 + "b").matches(("a",) * 60)
    assert not Glob("*a" * 100 + "b").matches(("a" * 250,))
