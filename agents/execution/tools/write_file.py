"""The tool `write_file`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.execution.tools import arguments as takes
from agents.execution.tools.finishing import in_thread
from agents.execution.tools.replacing import MOST_BYTES, replace
from agents.execution.tools.tool import Outcome, Surroundings
from agents.execution.tools.workspace import Workspace, shown
from agents.llm.request import Tool as Description


class WriteFile:
    """A whole file, new or in place of an old one."""

    description = Description(
        name="write_file",
        description=(
            "Write a text file of the workspace, whole: what was there is replaced, "
            "and directories that are missing are made. To change a part of a file "
            f"use edit_file. At most {MOST_BYTES:,} bytes."
        ),
        schema=takes.schema(
            ("path", "content"),
            path=takes.text("The file, relative to the workspace"),
            content=takes.text("All that the file shall contain"),
        ),
    )

    async def call(self, arguments: Mapping[str, Any], around: Surroundings) -> Outcome:
        """What was written."""
        path = Workspace(around.workspace).parts(arguments["path"])
        if path:
            await around.lock("/".join(path))
        return await in_thread(_write, arguments, around)


def _write(arguments: Mapping[str, Any], around: Surroundings) -> Outcome:
    workspace = Workspace(around.workspace)
    path = workspace.parts(arguments["path"])
    content = arguments["content"].encode()
    new = replace(workspace, path, content)
    what = "a new file" if new else "in place of the old one"
    text = f"{shown(path)} written, {what}: {len(content):,} bytes"
    return Outcome(text, files=("/".join(path),))
