"""The tool `list_files`."""

from __future__ import annotations

import stat
import time
from collections.abc import Mapping
from typing import Any, Final

from agents.execution.tools import arguments as takes
from agents.execution.tools.finishing import in_thread
from agents.execution.tools.tool import Outcome, Surroundings
from agents.execution.tools.walking import NOT_ENTERED, Found, Glob, Walk
from agents.execution.tools.workspace import Workspace, kind, shown
from agents.llm.request import Tool as Description

MOST: Final = 500
SECONDS: Final = 10.0
LEVELS: Final = 3
ALL_LEVELS: Final = 40


class ListFiles:
    """Names, sizes and kinds of what is in a directory."""

    description = Description(
        name="list_files",
        description=(
            "List what is in a directory of the workspace, level by level: "
            "directories end in /, files have their size in bytes. At most "
            f"{MOST} entries; it is said when there are more. Not looked into: "
            f"{', '.join(sorted(NOT_ENTERED))}."
        ),
        schema=takes.schema(
            path={**takes.text("The directory; . is the workspace"), "default": "."},
            pattern=takes.text(
                "Only entries like this, relative to path: *.py for a name in any "
                "directory, src/**/test_*.py for a whole path"
            ),
            depth=takes.whole(
                "How many levels: 1 is the directory alone. If left out "
                f"{LEVELS}, and all of them with a pattern",
                1,
                ALL_LEVELS,
            ),
        ),
    )

    async def call(self, arguments: Mapping[str, Any], around: Surroundings) -> Outcome:
        """The list; with a pattern and no depth, of all levels."""
        return Outcome(await in_thread(_list, arguments, around))


def _list(arguments: Mapping[str, Any], around: Surroundings) -> str:
    workspace = Workspace(around.workspace)
    start = workspace.parts(arguments["path"])
    pattern = arguments.get("pattern")
    glob = None if pattern is None else Glob(pattern)
    depth = arguments.get("depth") or (LEVELS if glob is None else ALL_LEVELS)
    walk = Walk(workspace, start, depth)
    deadline = time.monotonic() + SECONDS
    lines: list[str] = []
    notes: list[str] = []
    for found in walk:
        if time.monotonic() > deadline:
            notes.append(f"not everything was looked at in {SECONDS:g} s")
            break
        if glob is not None and not glob.matches(found.parts[len(start) :]):
            continue
        if len(lines) == MOST:
            notes.append(f"there is more than these {MOST}; {_NARROWER}")
            break
        lines.append(_line(found))
    notes += [f"{shown(one)} has too many entries" for one in walk.crowded]
    notes += [f"{shown(one)} could not be read" for one in walk.unread[:10]]
    if not lines:
        notes.append("nothing here" if glob is None else "nothing like that here")
    return "\n".join([*lines, *(f"[{note}]" for note in notes)])


_NARROWER: Final = "list a directory of it, or give a pattern"


def _line(found: Found) -> str:
    name = shown(found.parts)
    if found.is_directory:
        return f"{name}/"
    if found.is_file:
        return f"{name}  {found.size}"
    note = ", not followed" if stat.S_ISLNK(found.mode) else ""
    return f"{name}  ({kind(found.mode)}{note})"
