"""Probes pointed at real servers and real programs, on a loop of the test's own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import uuid
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from agents.adapters.launch import Surroundings
from agents.policy.clock import boot_seconds
from agents.policy.liveness import Signs
from agents.policy.probes import Probe, parse
from agents.policy.restart import Mode, RestartPolicy
from agents.policy.setup import AgentSetup
from agents.supervisor.hands import Hands
from agents.supervisor.health.target import Target
from tests.harness.processes import be_subreaper

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """On a loop that is not there for anything else."""
    return asyncio.run(asyncio.wait_for(coroutine, 20))


def probe_of(kind: str, **keys: Any) -> Probe:
    """A probe; times may be shorter than a set-up's are allowed to be."""
    times = {k: keys.pop(k) for k in ("period", "timeout", "seconds") if k in keys}
    return replace(parse([{"type": kind, **keys}], 30)[0], **times)


@pytest.fixture
def hands() -> Iterator[Hands]:
    """The supervisor's threads, in a process to which orphans come."""
    be_subreaper(True)
    hands = Hands()
    try:
        yield hands
    finally:
        hands.close()
        be_subreaper(False)


@pytest.fixture
def target(tmp_path: Path) -> Target:
    """A run that began long ago and is ready."""
    policy = RestartPolicy(Mode.NEVER, 5, 600, 1, 60, 600)
    setup = AgentSetup(
        id=7,
        name="worker",
        kind="process_wrapper",
        adapter="command",
        command=("true",),
        cwd="",
        stdin="none",
        stop_signal="TERM",
        stop_grace=1,
        restart=policy,
        revision=1,
        launch_revision=1,
        env={"GREETING": "hello"},
    )
    run_id = uuid.uuid4()
    inherited = {"PATH": "/usr/bin:/bin"}
    return Target(
        agent_id=7,
        run_id=run_id,
        began=boot_seconds() - 1000,
        setup=setup,
        around=Surroundings(str(run_id), str(tmp_path), "", inherited),
        signs=lambda: Signs(boot_seconds()),
        ready=lambda: True,
    )


class Server:
    """Takes connections one by one and does with each what it is told to."""

    def __init__(self, behave: Callable[[socket.socket], None]) -> None:
        self.heard = b""
        self._behave = behave
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                with connection, contextlib.suppress(OSError):
                    self._behave(connection)

    def close(self) -> None:
        # Wakes the thread from accept, which a close alone would not.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


Serve = Callable[[Callable[[socket.socket], None]], Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[Server] = []

    def begin(behave: Callable[[socket.socket], None]) -> Server:
        servers.append(Server(behave))
        return servers[-1]

    yield begin
    for server in servers:
        server.close()


@pytest.fixture
def closed_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
