"""The part of the command line that is about agents' work."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Final

from agents.management.agentctl import phase_parser
from agents.management.agentctl.quantities import count, seconds, task_id, whole
from agents.models.choices import TaskStateChoice
from agents.services.tasks import Ask

Add = Callable[[str, str], argparse.ArgumentParser]

LISTED: Final = 50


def build(add: Add) -> None:
    """Add the subcommands."""
    _add_ask(add("ask", "give a native agent something to do"))
    listing = add("tasks", "what was asked of agents, the newest first")
    listing.add_argument("names", nargs="*", metavar="NAME", help="none: all agents")
    listing.add_argument("--state", choices=TaskStateChoice.values)
    listing.add_argument(
        "--limit", type=count, default=LISTED, metavar="N", help=f"default {LISTED}"
    )
    one = add("task", "a task with its steps")
    one.add_argument("id", type=task_id, metavar="ID")
    cancel = add("cancel", "end tasks, whether they wait or are worked on")
    cancel.add_argument("ids", nargs="+", type=task_id, metavar="ID")
    answer = add("answer", "answer what an agent asks in a task")
    answer.add_argument("id", type=task_id, metavar="ID")
    answer.add_argument("text", metavar="TEXT", help="- is stdin")
    go_on = add("go-on", "let an interrupted task go on from its last step")
    go_on.add_argument("id", type=task_id, metavar="ID")


def _add_ask(command: argparse.ArgumentParser) -> None:
    usual = Ask("")
    command.add_argument("name", metavar="NAME")
    command.add_argument("prompt", metavar="PROMPT", help="- is stdin")
    command.add_argument(
        "--paths",
        nargs="+",
        metavar="GLOB",
        help="what it will write, such as 'src/**/*.py'",
    )
    command.add_argument(
        "--wait",
        type=seconds,
        metavar="SECONDS",
        help="until it has ended, and print it; exit code 1 unless it succeeded",
    )
    command.add_argument(
        "--priority",
        type=whole,
        default=usual.priority,
        metavar="N",
        help="higher first; default 0",
    )
    command.add_argument(
        "--timeout", type=seconds, metavar="S", help="seconds for each attempt"
    )
    command.add_argument(
        "--attempts",
        type=count,
        default=usual.max_attempts,
        metavar="N",
        help=f"at most; default {usual.max_attempts}",
    )
    command.add_argument(
        "--key",
        default="",
        metavar="KEY",
        help="asked again with the same key it is the same task",
    )
    command.add_argument(
        "--follow",
        type=task_id,
        metavar="TASK",
        help="go on in the conversation of this task",
    )
    phase_parser.build(command)
