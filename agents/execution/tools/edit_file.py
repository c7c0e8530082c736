"""The tool `edit_file`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from agents.execution.tools import arguments as takes
from agents.execution.tools.finishing import in_thread
from agents.execution.tools.replacing import MOST_BYTES, replace
from agents.execution.tools.tool import Outcome, Refused, Surroundings
from agents.execution.tools.workspace import Workspace, shown
from agents.llm.request import Tool as Description

_NAMED: Final = 10


class EditFile:
    """One text in a file for another."""

    description = Description(
        name="edit_file",
        description=(
            "Replace a text in a file of the workspace. old_text has to be there "
            "exactly, white space included and without line numbers, and only once; "
            "give more of the lines around it, or replace_all. The file's own line "
            "ends are kept."
        ),
        schema=takes.schema(
            ("path", "old_text", "new_text"),
            path=takes.text("The file, relative to the workspace"),
            old_text=takes.text("What is there now"),
            new_text=takes.text("What shall be there; may be empty"),
            replace_all=takes.switch("Replace it wherever it is"),
        ),
    )

    async def call(self, arguments: Mapping[str, Any], around: Surroundings) -> Outcome:
        """How often it was replaced."""
        path = Workspace(around.workspace).parts(arguments["path"])
        if path:
            await around.lock("/".join(path))
        return await in_thread(_edit, arguments, around)


def _edit(arguments: Mapping[str, Any], around: Surroundings) -> Outcome:
    workspace = Workspace(around.workspace)
    path = workspace.parts(arguments["path"])
    old, new = arguments["old_text"].encode(), arguments["new_text"].encode()
    if not old:
        raise Refused("old_text is empty; to write a whole file use write_file")
    if old == new:
        raise Refused("old_text and new_text are the same; nothing would change")
    with workspace.file(path) as file:
        read = os.fstat(file.fileno())
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise Refused(f"{shown(path)} is larger than {MOST_BYTES:,} bytes")
    # Bytes, so that what is not UTF-8 elsewhere in the file stays as it is.
    if _ends_in_crlf(content):
        old, new = _with_crlf(old), _with_crlf(new)
    places = _places(content, old)
    if not places:
        raise Refused(_not_there(content, old, shown(path)))
    if len(places) > 1 and not arguments["replace_all"]:
        lines = ", ".join(str(_line(content, at)) for at in places[:_NAMED])
        more = ", …" if len(places) > _NAMED else ""
        raise Refused(
            f"old_text is in {shown(path)} {len(places)} times, at lines "
            f"{lines}{more}; give more of the lines around the one, or replace_all"
        )
    count = content.count(old)
    size = len(content) + count * (len(new) - len(old))
    if size > MOST_BYTES:
        raise Refused(
            f"{shown(path)} would have {size:,} bytes; {MOST_BYTES:,} can be written"
        )
    replace(workspace, path, content.replace(old, new), read)
    where = f"at line {_line(content, places[0])}" if count == 1 else f"{count} times"
    return Outcome(f"{shown(path)} changed {where}", files=("/".join(path),))


def _ends_in_crlf(content: bytes) -> bool:
    """Whether each line does; in a mixture a text has to be given as it is."""
    return content.count(b"\r\n") == content.count(b"\n") > 0


def _with_crlf(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _places(content: bytes, text: bytes) -> list[int]:
    """Where it begins, overlapping places too: two of those are not one."""
    places = []
    at = content.find(text)
    while at >= 0:
        places.append(at)
        at = content.find(text, at + 1)
    return places


def _line(content: bytes, at: int) -> int:
    return content.count(b"\n", 0, at) + 1


def _not_there(content: bytes, text: bytes, path: str) -> str:
    if b" ".join(text.split()) in b" ".join(content.split()):
        why = "it differs in white space: copy it as it is"
    else:
        why = "read the file again and copy what is there"
    return f"old_text is not in {path}; {why}, without the line numbers"
