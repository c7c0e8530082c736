"""`agents input`: what people write into the standard input of a program."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from agents.management.agentctl import selection
from agents.management.agentctl.terminal import Terminal
from agents.models import Agent
from agents.services import standard_input
from agents.services.standard_input import NoInput, NotRead, Written

FROM_STDIN: Final = "-"
# A program that is busy for a moment reads within this (seconds).
PATIENCE: Final = 2.0
AGAIN: Final = 0.05


def write(options: Mapping[str, Any], terminal: Terminal) -> int:
    """A line, or all of stdin as it is; 1 where it was not written."""
    chosen = selection.by_name([options["name"]])
    for problem in chosen.unknown.values():
        terminal.note(problem)
        return 1
    (agent,) = chosen.agents
    try:
        done = _written(agent, _text(options["text"]))
    except UnicodeDecodeError as error:
        terminal.note(f"What stdin says is no UTF-8 text: {error}.")
        return 1
    except NoInput as error:
        terminal.note(str(error))
        return 1
    if terminal.as_json:
        terminal.json(asdict(done))
    terminal.say(f"{agent.name}: {done.bytes:,} bytes written to run {done.run}")
    return 0


def _text(given: str) -> str:
    if given == FROM_STDIN:
        return sys.stdin.read()
    return given if given.endswith("\n") else f"{given}\n"


def _written(agent: Agent, text: str) -> Written:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return standard_input.write(agent, text)
        except NotRead:
            if time.monotonic() >= deadline:
                raise
            time.sleep(AGAIN)
