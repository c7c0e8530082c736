"""The tool `search_files`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from agents.adapters.launch import Launch
from agents.execution.tools import arguments as takes
from agents.execution.tools import commands
from agents.execution.tools.commands import Finished, Kept, Why
from agents.execution.tools.searching import (
    LARGEST,
    LONGEST_PATTERN,
    REFUSED,
    SECONDS,
    Search,
)
from agents.execution.tools.tool import Outcome, Refused, Surroundings
from agents.execution.tools.walking import NOT_ENTERED
from agents.llm.request import Tool as Description
from agents.policy import exits

MOST: Final = 500
USUAL: Final = 100
# Bytes of the answer.
SHOWN: Final = Kept(head=48_000, tail=0)


class SearchFiles:
    """Lines that match a regular expression."""

    description = Description(
        name="search_files",
        description=(
            "Search the text files of the workspace, line by line, for a regular "
            "expression of Python's. Answers path:line: text. Left out: binary files, "
            f"those of more than {LARGEST >> 20} MiB, and "
            f"{', '.join(sorted(NOT_ENTERED))}. At most {SECONDS} seconds."
        ),
        schema=takes.schema(
            ("pattern",),
            pattern=takes.text(
                f"The regular expression; {LONGEST_PATTERN:,} characters at most"
            ),
            path={
                **takes.text("The directory or file; . is the workspace"),
                "default": ".",
            },
            glob=takes.text("Only files like this, relative to path: *.py, src/**/*.c"),
            ignore_case=takes.switch("Take a for A"),
            limit=takes.whole("How many lines at most", 1, MOST, USUAL),
        ),
    )

    async def call(self, arguments: Mapping[str, Any], around: Surroundings) -> Outcome:
        """What was found, also if there was no time to look everywhere."""
        search = Search(
            workspace=str(around.workspace),
            path=arguments["path"],
            pattern=arguments["pattern"],
            glob=arguments.get("glob"),
            ignore_case=arguments["ignore_case"],
            most=arguments["limit"],
        )
        env = {"AGENTHUB_RUN": str(around.run_id), "AGENTHUB_AGENT": around.agent}
        launch = Launch(search.argv, "/", env)
        return _told(await commands.run(launch, around, SECONDS, SHOWN))


def _told(finished: Finished) -> Outcome:
    found = finished.out.head.rstrip("\n")
    if finished.out.left_out:
        found += "\n[there is more: search more narrowly]"
    if finished.why is Why.OVERDUE:
        why = (
            f"[not done after {SECONDS} s, and ended: this is not all. Search fewer "
            "files, or use a pattern without repetitions inside repetitions]"
        )
        return Outcome(f"{found}\n{why}".lstrip("\n"))
    if finished.code == 0:
        return Outcome(found)
    if finished.code == REFUSED:
        raise Refused(found)
    raise Refused(
        f"the search could not be done: it {exits.describe(finished.code)}. "
        f"{finished.err.head[-500:].strip()}".strip()
    )
