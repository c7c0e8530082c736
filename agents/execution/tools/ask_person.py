"""The tool `ask_person`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from agents.execution.tools import arguments as takes
from agents.execution.tools.tool import Outcome, Refused, Surroundings
from agents.llm.request import Tool as Description

LONGEST: Final = 4000


class AskPerson:
    """A question, and the answer when there is one."""

    description = Description(
        name="ask_person",
        description=(
            "Ask the person you work for, and wait for the answer. Only for what you "
            "cannot find out or decide yourself: an answer may take hours."
        ),
        schema=takes.schema(
            ("question",),
            question=takes.text("The question, with all that is needed to answer it"),
        ),
    )

    async def call(self, arguments: Mapping[str, Any], around: Surroundings) -> Outcome:
        """The answer."""
        question = arguments["question"].strip()
        if not question:
            raise Refused("the question is empty")
        if len(question) > LONGEST:
            raise Refused(f"a question has {LONGEST:,} characters at most; be brief")
        return Outcome(await around.ask(question))
