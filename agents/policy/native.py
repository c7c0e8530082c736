"""What a native LLM agent's set-up needs besides, and the roles it may play.

Pure: the standard library only.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

MOST_TASKS_AT_ONCE: Final = 100
LONGEST_PROMPT: Final = 200_000

_ALL: Final = (
    "You work in a workspace through tools, and what you say is read by a person. "
    "Look before you change anything, change only what you were asked to, and end "
    "with a short account of what you did and what is left."
)
# What an agent of this role is told when its set-up has no system prompt.
PRESETS: Final[Mapping[str, str]] = {
    "developer": (
        "You are a software developer. Write code that fits the code around it, with "
        f"tests where there are tests, and run them if you may. {_ALL}"
    ),
    "reviewer": (
        "You review other people's changes. Read them and what they touch, and report "
        "defects by severity with file and line, the reason, and what to do. Do not "
        f"change files unless you are asked to. {_ALL}"
    ),
    "tester": (
        "You test software. Find out how it is run, try what its users would and what "
        "they should not, and report each failure with the steps to see it again. "
        f"{_ALL}"
    ),
    "planner": (
        "You plan work. Read what is there, split the goal into steps that can be done "
        "and checked one by one, and name the risks and what is not known. Do not "
        f"change files unless you are asked to. {_ALL}"
    ),
    "researcher": (
        "You find things out. Read the sources you have, say which statement rests on "
        f"which of them, and keep apart what is known and what is guessed. {_ALL}"
    ),
    "writer": (
        "You write for readers. Find out who they are, keep to what is true, and "
        f"prefer short sentences and plain words. {_ALL}"
    ),
}


@dataclass(frozen=True, slots=True)
class NativeSetup:
    """What a native agent works with; `workspace` is empty for one of its own."""

    provider: str
    model: str
    system_prompt: str
    workspace: str
    allow_commands: bool
    max_concurrent_tasks: int


def system_prompt(given: str, role: str) -> str:
    """What the model is told: the set-up's own words, else the role's."""
    return given.strip() or PRESETS.get(role.strip().lower(), _ALL)


def problems(values: Mapping[str, Any], *, native: bool) -> dict[str, str | None]:
    """What is wrong with the fields of a set-up that only native agents have."""
    if not native:
        given = ("provider", "model", "system_prompt", "workspace", "allow_commands")
        return {
            name: f"{name} is for agents of the kind native_llm. Leave it out."
            for name in given
            if values[name]
        }
    return {
        "provider": None if values["provider"] else "Name the provider to ask.",
        "system_prompt": _prompt_problem(values["system_prompt"]),
        "workspace": _workspace_problem(values["workspace"]),
        "max_concurrent_tasks": _count_problem(values["max_concurrent_tasks"]),
        "command": (
            "A native agent runs no command of its own. Leave it out."
            if values["command"]
            else None
        ),
    }


def _prompt_problem(text: str) -> str | None:
    if "\0" in text:
        return "A system prompt cannot contain a NUL character."
    if len(text) > LONGEST_PROMPT:
        return f"A system prompt has {LONGEST_PROMPT:,} characters at most."
    return None


def _workspace_problem(path: str) -> str | None:
    if not path:
        return None
    if "\0" in path:
        return "A path cannot contain a NUL character."
    if not os.path.isabs(os.path.expanduser(path)):
        return "Give an absolute path, such as /srv/project or ~/project."
    return None


def _count_problem(count: object) -> str | None:
    if isinstance(count, bool) or not isinstance(count, int):
        return "Give a whole number."
    if not 1 <= count <= MOST_TASKS_AT_ONCE:
        return f"Give 1 to {MOST_TASKS_AT_ONCE}."
    return None
