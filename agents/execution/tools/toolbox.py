"""All tools, and the only way in: by name, with arguments that have been looked at."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from agents.execution.tools import arguments as takes
from agents.execution.tools.ask_person import AskPerson
from agents.execution.tools.edit_file import EditFile
from agents.execution.tools.list_files import ListFiles
from agents.execution.tools.read_file import ReadFile
from agents.execution.tools.run_command import RunCommand
from agents.execution.tools.search_files import SearchFiles
from agents.execution.tools.tool import Outcome, Refused, Surroundings, Tool
from agents.execution.tools.write_file import WriteFile
from agents.llm.request import Tool as Description

# Characters of an answer, whichever tool it is from.
MOST: Final = 60_000

_RUN_COMMAND: Final = RunCommand()
_ALL: Final[tuple[Tool, ...]] = (
    ListFiles(),
    ReadFile(),
    SearchFiles(),
    WriteFile(),
    EditFile(),
    _RUN_COMMAND,
    AskPerson(),
)


def described(*, allow_commands: bool) -> tuple[Description, ...]:
    """The tools that such an agent has, as the model is told."""
    return tuple(tool.description for tool in _having(allow_commands=allow_commands))


async def call(
    name: str, arguments: Mapping[str, Any], around: Surroundings
) -> Outcome:
    """Call one of them; whatever the model did wrong is an answer too.

    Being cancelled ends what the tool began, and is raised.
    """
    having = {
        tool.description.name: tool
        for tool in _having(allow_commands=around.allow_commands)
    }
    tool = having.get(name)
    if tool is None:
        known = ", ".join(having)
        return Outcome(
            f"there is no tool {name!r:.100}; there are: {known}", error=True
        )
    try:
        checked = takes.checked(tool.description.schema, arguments)
        outcome = await tool.call(checked, around)
    except Refused as refusal:
        outcome = Outcome(str(refusal), error=True)
    except OSError as error:
        outcome = Outcome(_words(error), error=True)
    return Outcome(_bounded(outcome.text), outcome.error, outcome.files)


def _having(*, allow_commands: bool) -> list[Tool]:
    return [tool for tool in _ALL if allow_commands or tool is not _RUN_COMMAND]


def _words(error: OSError) -> str:
    what = error.strerror or str(error) or type(error).__name__
    name = (
        os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    )
    return f"{name}: {what}" if name else what


def _bounded(text: str) -> str:
    if len(text) <= MOST:
        return text
    half = MOST // 2
    gap = f"\n[… {len(text) - 2 * half:,} characters left out …]\n"
    return text[:half] + gap + text[-half:]
