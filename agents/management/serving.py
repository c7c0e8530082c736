"""The hub's server: Daphne and the supervisor on one loop, ended as one."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from agents.management.supervision import Supervision, hear_interrupts
from agents.supervisor import ProcessManager, set_process_manager
from agents.supervisor.lock import NodeLock

if TYPE_CHECKING:
    from daphne.server import Server

logger = logging.getLogger(__name__)

# sysexits.h: an internal software error.
SOFTWARE_ERROR: Final = 70
# How long a thread that answers a request keeps the supervisor's from its turn, where
# both would compute (seconds); Python's own 0.005 is most of what a restart takes.
SWITCH: Final = 0.0005
_SHOWN_AS: Final = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}


class PortTaken(Exception):
    """Nothing can listen there; the message says why and what to change."""


def endpoint(host: str, port: int) -> str:
    """Twisted's description of where to listen; PortTaken if that cannot work."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            hint = "Choose another with --port."
            if error.errno == errno.EADDRINUSE:
                raise PortTaken(f"Port {port} is taken. {hint}") from None
            raise PortTaken(
                f"Cannot listen on {host}:{port}: {error.strerror}. {hint}"
            ) from None
    return f"tcp:{port}:interface={host.replace(':', chr(92) + ':')}"


class Hub:
    """One process for everything. `lock`: the node's, or None without supervisor."""

    def __init__(
        self,
        server_class: type[Server],
        where: str,
        lock: NodeLock | None,
        say_ready: Callable[[str], None],
    ) -> None:
        # Imported late: the apps must be loaded, and Daphne's loop installed.
        from agenthub.asgi import application

        self.last_words: list[str] = []
        self._lock, self._say_ready = lock, say_ready
        self._code = 0
        self._application = application
        self._supervision: Supervision | None = None
        self._server = server_class(
            application,
            endpoints=[where],
            signal_handlers=True,
            server_name="AgentHub",
            ready_callable=self._listening,
            verbosity=0,
        )

    def run(self) -> int:
        """Serve until a signal; the exit code."""
        hear_interrupts()
        sys.setswitchinterval(SWITCH)
        _reactor().addSystemEventTrigger("before", "shutdown", self._shut_down)
        self._server.run()
        return self._code

    def _listening(self) -> None:
        asyncio.ensure_future(self._begin())  # noqa: RUF006 - it is awaited by nobody

    async def _begin(self) -> None:
        host, port = self._server.listening_addresses[0]
        host = _SHOWN_AS.get(host, f"[{host}]" if ":" in host else host)
        url = f"http://{host}:{port}/"
        try:
            if self._lock is not None:
                manager = ProcessManager(url=url, lock=self._lock)
                set_process_manager(manager)
                self._supervision = Supervision(manager, self._application)
                await self._supervision.begin()
                manager.when_done(self._supervisor_gone)
        except Exception:
            logger.exception("the supervisor could not start")
            self._stop(SOFTWARE_ERROR)
            return
        self._say_ready(url)

    def _supervisor_gone(self) -> None:
        logger.error("the supervisor has ended; the hub ends too")
        self._stop(SOFTWARE_ERROR)

    def _stop(self, code: int) -> None:
        self._code = code
        _reactor().stop()

    def _shut_down(self) -> Any:
        from twisted.internet.defer import Deferred

        return Deferred.fromFuture(asyncio.ensure_future(self._end()))

    async def _end(self) -> None:
        if self._supervision is not None:
            sentence = await self._supervision.end()
            if sentence:
                self.last_words.append(sentence)


def _reactor() -> Any:
    """Twisted's reactor, which exists only once Daphne has chosen its loop; it is a
    module that poses as an object, and no type says what it can do."""
    from twisted.internet import reactor

    return reactor
