"""`manage.py agents …`: see, start, stop, follow, export and import agents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandParser

from agents.management.agentctl import (
    batching,
    braking,
    locking,
    logs,
    parser,
    providing,
    showing,
    spending,
    steering,
    task_showing,
    tasking,
    writing,
)
from agents.management.agentctl.ending import leave_with
from agents.management.agentctl.terminal import Terminal

Handler = Callable[[Mapping[str, Any], Terminal], int]


def export_agents(options: Mapping[str, Any], terminal: Terminal) -> int:
    """PyYAML is loaded only for those who need it."""
    from agents.management.agentctl import transfer_io

    return transfer_io.export_agents(options, terminal)


def import_agents(options: Mapping[str, Any], terminal: Terminal) -> int:
    """PyYAML is loaded only for those who need it."""
    from agents.management.agentctl import transfer_io

    return transfer_io.import_agents(options, terminal)


HANDLERS: Final[dict[str, Handler]] = {
    "list": showing.show_list,
    "status": showing.show_status,
    "summary": showing.show_summary,
    "history": showing.show_history,
    "runs": showing.show_runs,
    "batch": batching.make,
    "batches": batching.show,
    "brake": braking.brake,
    "release": braking.release,
    "input": writing.write,
    "locks": locking.show_locks,
    "logs": logs.show_logs,
    "providers": providing.show_providers,
    "provider": providing.change_provider,
    "usage": spending.show_usage,
    "ask": tasking.ask,
    "tasks": task_showing.show_tasks,
    "task": task_showing.show_task,
    "cancel": tasking.cancel,
    "answer": tasking.answer,
    "go-on": tasking.go_on,
    "export": export_agents,
    "import": import_agents,
    **dict.fromkeys(parser.ACTIONS, steering.steer),
}
ADVICE: Final = "See what was recorded with `manage.py agents status`, and try again."


class Command(BaseCommand):
    """Exit code 0: done, 1: failed, 2: the line was wrong."""

    help = "See, steer and ask agents, read their output, export and import set-ups."
    requires_system_checks = ()

    def add_arguments(self, command_parser: CommandParser) -> None:
        parser.build(command_parser)
        self._parser = command_parser

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the subcommand; leave with its exit code unless it is 0."""
        if problem := parser.misuse(options):
            self._parser.error(f"{options['subcommand']}: {problem}")
        terminal = Terminal(self.stdout, self.stderr, options)
        handler = HANDLERS[options["subcommand"]]
        leave_with(lambda: handler(options, terminal), terminal, ADVICE)
