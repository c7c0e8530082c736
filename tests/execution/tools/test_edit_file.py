"""`edit_file`: exactly one place, or all of them; the rest stays byte by byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.execution.tools import edit_file
from agents.execution.tools.replacing import replace
from agents.execution.tools.tool import Outcome
from agents.execution.tools.workspace import Workspace
from tests.execution.tools.conftest import Call


def edit(call: Call, old: str, new: str, **more: object) -> Outcome:
    return call("edit_file", path="file", old_text=old, new_text=new, **more)


def test_the_one_place_is_replaced(workspace: Path, call: Call) -> None:
    (workspace / "file").write_text("a\nb = 1\nc\n")
    outcome = edit(call, "b = 1", "b = 2")
    assert outcome == Outcome("file changed at line 2", files=("file",))
    assert (workspace / "file").read_text() == "a\nb = 2\nc\n"
    assert not edit(call, "b = 2\n", "").error
    assert (workspace / "file").read_text() == "a\nc\n"


def test_several_places_have_to_be_meant(workspace: Path, call: Call) -> None:
    (workspace / "file").write_text("x\ny\nx\n")
    outcome = edit(call, "x", "z")
    assert outcome.error
    assert "in file 2 times, at lines 1, 3; " in outcome.text
    assert (workspace / "file").read_text() == "x\ny\nx\n"
    assert edit(call, "x", "z", replace_all=True).text == "file changed 2 times"
    assert (workspace / "file").read_text() == "z\ny\nz\n"
    (workspace / "file").write_text("x\n" * 50)
    assert "50 times, at lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, …; " in (
        edit(call, "x", "z").text
    )


def test_places_that_overlap_are_not_one(workspace: Path, call: Call) -> None:
    (workspace / "file").write_text("aaa")
    assert "2 times" in edit(call, "aa", "b").text


@pytest.mark.parametrize(
    ("old", "why"),
    [
        ("nowhere", "read the file again"),
        ("if a:\n  b", "differs in white space"),
        ("     1\tif a:", "without the line numbers"),
        ("", "old_text is empty; to write a whole file use write_file"),
        ("new", "nothing would change"),
    ],
)
def test_what_cannot_be_replaced_is_told_with_what_to_do(
    workspace: Path, call: Call, old: str, why: str
) -> None:
    (workspace / "file").write_text("if a:\n    b\n")
    outcome = edit(call, old, "new")
    assert outcome.error
    assert why in outcome.text
    assert (workspace / "file").read_text() == "if a:\n    b\n"


def test_the_line_ends_of_the_file_are_kept(workspace: Path, call: Call) -> None:
    (workspace / "file").write_bytes(b"a\r\nb\r\nc\r\n")
    assert not edit(call, "a\nb\n", "a\nx\ny\n").error
    assert (workspace / "file").read_bytes() == b"a\r\nx\r\ny\r\nc\r\n"
    assert not edit(call, "x\r\ny", "z\r\n").error
    assert (workspace / "file").read_bytes() == b"a\r\nz\r\n\r\nc\r\n"
    # A mixture is nobody's to mend.
    (workspace / "file").write_bytes(b"a\r\nb\nc\n")
    assert edit(call, "a\nb", "x").error
    assert not edit(call, "b\nc", "x\ny").error
    assert (workspace / "file").read_bytes() == b"a\r\nx\ny\n"


def test_bytes_that_are_no_text_stay_as_they_are(workspace: Path, call: Call) -> None:
    (workspace / "file").write_bytes(b"\xef\xbb\xbfcaf\xe9 \0 x\n")
    assert not edit(call, "x", "é").error
    assert (workspace / "file").read_bytes() == b"\xef\xbb\xbfcaf\xe9 \0 \xc3\xa9\n"


def test_an_edit_cannot_make_a_file_that_fills_the_memory(
    workspace: Path, call: Call
) -> None:
    (workspace / "file").write_text("x" * 1_000_000)
    outcome = edit(call, "x", "y" * 1_000_000, replace_all=True)
    assert outcome.error
    assert "file would have 1,000,000,000,000 bytes" in outcome.text
    (workspace / "file").write_text("x" * (4 << 20) + "yz")
    assert "larger than 4,194,304 bytes" in edit(call, "y", "z").text


def test_a_file_that_somebody_changes_meanwhile_is_not_overwritten(
    workspace: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspace / "file").write_text("one x")

    def late(*arguments: object) -> bool:
        (workspace / "file").write_text("somebody else's, x")
        return replace(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(edit_file, "replace", late)
    outcome = edit(call, "x", "y")
    assert outcome == Outcome(
        "file has changed since it was read; try again", error=True
    )
    assert (workspace / "file").read_text() == "somebody else's, x"
    assert [path.name for path in workspace.iterdir()] == ["file"]


def test_a_missing_file_is_not_made(workspace: Path, call: Call) -> None:
    assert edit(call, "x", "y").text == "there is no file file; see list_files"
    assert list(workspace.iterdir()) == []
    assert Workspace(workspace).parts("file") == ("file",)
