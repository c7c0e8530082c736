"""The probe `tcp` against real sockets."""

from __future__ import annotations

import socket

from agents.supervisor.health import tcp
from tests.supervisor.health.conftest import Serve, probe_of, run


def test_a_port_that_takes_connections_is_well(serve: Serve) -> None:
    server = serve(lambda _: None)
    result = run(tcp.check(probe_of("tcp", port=server.port)))
    assert result.ok
    assert result.detail == f"port {server.port} takes connections"


def test_a_port_that_nobody_listens_on_refuses(closed_port: int) -> None:
    result = run(tcp.check(probe_of("tcp", port=closed_port)))
    assert (result.ok, result.detail) == (False, "connection refused")


def test_a_full_backlog_runs_out_of_time() -> None:
    """Nobody accepts and the queue is full: the kernel drops what comes."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        port = deaf.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        result = run(tcp.check(probe_of("tcp", port=port, timeout=0.2)))
        for one in waiting:
            one.close()
    assert (result.ok, result.detail) == (False, "no connection within 0.2 s")


def test_a_host_that_does_not_exist_is_named() -> None:
    result = run(tcp.check(probe_of("tcp", host="no-such-host.invalid", port=80)))
    assert not result.ok
    assert result.detail in (
        "no such host: no-such-host.invalid",
        "no connection within 5 s",
    )
