"""TEMPORARY"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from agents.execution.tools.tool import Outcome, Surroundings
from agents.llm.request import Tool


def described(*, allow_commands: bool) -> tuple[Tool, ...]:
    return (
        Tool(
            "write_file",
            "writes",
            {
                "type": "object",
                "properties": {"path": {"type": "string"}, "text": {"type": "string"}},
            },
        ),
    )


async def call(
    name: str, arguments: Mapping[str, Any], around: Surroundings
) -> Outcome:
    if name == "write_file":

        def go() -> None:
            with (around.workspace / arguments["path"]).open("a") as f:
                f.write(arguments["content"])

        await asyncio.to_thread(go)
        return Outcome("written", files=(arguments["path"],))
    if name == "pause":
        await asyncio.sleep(float(arguments["seconds"]))
        return Outcome("paused")
    if name == "ask_person":
        return Outcome(await around.ask(arguments["question"]))
    return Outcome("no such tool", error=True)
