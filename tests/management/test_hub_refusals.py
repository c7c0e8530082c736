"""`manage.py hub` where it cannot start: a clear message, and nothing more."""

from __future__ import annotations

import contextlib
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.hub import HubProcess, try_start


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[HubProcess]:
    """A hub yet to be started."""
    hub = HubProcess(tmp_path)
    try:
        yield hub
    finally:
        hub.close()


def test_a_port_that_is_taken_is_a_clear_message_and_nothing_more(
    empty: HubProcess,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        refused = try_start(empty, "--port", str(port))
    assert refused.returncode == 1
    message = f"CommandError: Port {port} is taken. Choose another with --port."
    assert refused.stderr.strip() == message
    assert not (empty.data / "agenthub.sqlite3").exists()


def test_a_host_that_is_not_here_is_a_clear_message(empty: HubProcess) -> None:
    refused = try_start(empty, "--host", "192.0.2.1")
    assert refused.returncode == 1
    assert "Cannot listen on 192.0.2.1:8000" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.full  # SQLite waits for 20 s before it says so.
def test_a_database_that_somebody_else_holds_is_a_clear_message(
    tmp_path: Path,
) -> None:
    hub = HubProcess(tmp_path)
    assert hub.manage("migrate", "--verbosity", "0").returncode == 0
    with contextlib.closing(
        sqlite3.connect(hub.data / "agenthub.sqlite3", isolation_level=None)
    ) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = try_start(hub, "--no-demo", "--port", "0")
    assert refused.returncode == 1
    assert "the database does not answer (database is locked)" in refused.stderr
    assert "Traceback" not in refused.stderr
