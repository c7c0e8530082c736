"""`manage.py supervise`: the supervisor alone, beside `hub --no-supervisor`."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from agents.management.supervision import Supervision, hear_interrupts
from agents.supervisor import ProcessManager, set_process_manager
from agents.supervisor.lock import Held


class Command(BaseCommand):
    """Supervise one node's agents until a signal; they live on."""

    help = "Run the supervisor of one node, without the pages."

    def add_arguments(self, parser: CommandParser) -> None:
        """The option of the contract."""
        parser.add_argument("--node", default="local", help="default: %(default)s")

    def handle(self, *args: Any, **options: Any) -> None:
        """Supervise until SIGTERM or Ctrl-C."""
        if options["node"] != "local":
            raise CommandError(
                f"There is no node {options['node']!r}: this version supervises "
                "one machine, the node 'local'.",
                returncode=2,
            )
        hear_interrupts()
        try:
            sentence = asyncio.run(self._supervise(options["node"]))
        except Held as held:
            raise CommandError(f"Not started: {held}.", returncode=1) from None
        if sentence:
            self.stdout.write(sentence)

    async def _supervise(self, node: str) -> str:
        from agenthub.asgi import application

        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ended.set)
        manager = ProcessManager(node)
        set_process_manager(manager)
        supervision = Supervision(manager, application)
        await supervision.begin()
        manager.when_done(ended.set)
        self.stdout.write(f"Supervising node {node}.")
        self.stdout.flush()
        await ended.wait()
        if not manager.running:
            raise CommandError("The supervisor has ended by itself.", returncode=70)
        return await supervision.end()
