"""`manage.py hub`: the pages and the supervisor in one process, on one loop."""

from __future__ import annotations

import sys
from typing import Any, Final

# First of all: Daphne installs Twisted's reactor on an asyncio loop.
from daphne.server import Server  # isort: skip

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from agents.management.serving import Hub, PortTaken, endpoint
from agents.services import first_start
from agents.supervisor.lock import Held, NodeLock

CANNOT_PREPARE: Final = (
    "Not started: the database does not answer ({error}). If it is locked, another "
    "program writes to it and does not end; if the disk is full, make room. Then start "
    "again: nothing is lost."
)


class Command(BaseCommand):
    """Everything, for one machine: migrates, makes what is missing, serves."""

    help = "Run the hub: the pages, the admin and the supervisor of this machine."
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """The options of the contract."""
        parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
        parser.add_argument(
            "--port", type=int, default=8000, help="0: any free one; default: 8000"
        )
        parser.add_argument(
            "--no-demo", action="store_true", help="do not make the demo agents"
        )
        parser.add_argument(
            "--no-supervisor",
            action="store_true",
            help="serve the pages only; run `manage.py supervise` beside it",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare, serve until a signal, and exit with what happened."""
        supervising = not options["no_supervisor"]
        lock = NodeLock("local")
        if supervising:
            # Before anything is migrated: a second hub shall change nothing.
            try:
                lock.take()
            except Held as held:
                raise CommandError(f"Not started: {held}.", returncode=1) from None
        try:
            where = endpoint(options["host"], options["port"])
        except PortTaken as taken:
            raise CommandError(str(taken), returncode=1) from None
        try:
            password = self._prepare(demo=supervising and not options["no_demo"])
        except OperationalError as error:
            raise CommandError(
                CANNOT_PREPARE.format(error=error), returncode=1
            ) from None
        hub = Hub(
            Server,
            where,
            lock if supervising else None,
            lambda url: self._say_ready(url, password),
        )
        code = hub.run()
        for sentence in hub.last_words:
            self.stdout.write(sentence)
        sys.exit(code)

    def _prepare(self, *, demo: bool) -> str | None:
        call_command("migrate", verbosity=0, interactive=False)
        first_start.make_groups()
        password = first_start.make_admin(settings.AGENTHUB_ADMIN_PASSWORD)
        if demo:
            first_start.make_demo()
        return password

    def _say_ready(self, url: str, password: str | None) -> None:
        sign_in = "with the password you chose"
        if password is not None:
            sign_in = f"with the one-time password {password} and change it there"
        self.stdout.write(
            f"AgentHub is ready: {url}  (sign in as {first_start.ADMIN} {sign_in})"
        )
        self.stdout.flush()
