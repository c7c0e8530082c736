"""The probe `http` against real sockets, well-behaved and not."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from agents.policy.thresholds import Result
from agents.supervisor.health import http
from tests.supervisor.health.conftest import Serve, probe_of, run


def answering(text: str) -> Any:
    """Hear the request out, then say this."""

    def behave(connection: socket.socket) -> None:
        heard = b""
        while b"\r\n\r\n" not in heard:
            heard += connection.recv(4096)
        behave.heard = heard  # type: ignore[attr-defined]
        connection.sendall(text.encode())

    return behave


def ask(port: int, path: str = "/", **keys: Any) -> Result:
    url = f"http://127.0.0.1:{port}{path}"
    return run(http.check(probe_of("http", url=url, **keys)))


@pytest.mark.parametrize(
    ("status", "ok", "detail"),
    [
        ("200 OK", True, "answered 200"),
        ("204 No Content", True, "answered 204"),
        ("302 Found", True, "answered 302"),
        ("404 Not Found", False, "answered 404 instead of 2xx or 3xx"),
        ("500 Oops", False, "answered 500 instead of 2xx or 3xx"),
    ],
)
def test_the_status_says_whether_it_is_well(
    serve: Serve, status: str, ok: bool, detail: str
) -> None:
    server = serve(answering(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"))
    assert ask(server.port) == Result(ok, detail)


def test_one_status_may_be_expected(serve: Serve) -> None:
    server = serve(answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))
    assert ask(server.port, status=404).ok
    assert ask(server.port, status=200).detail == "answered 404 instead of 200"


def test_what_is_asked_is_a_plain_get_of_the_whole_path(serve: Serve) -> None:
    behave = answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    server = serve(behave)
    assert ask(server.port, "/health?deep=1").ok
    lines = behave.heard.decode().split("\r\n")
    assert lines[0] == "GET /health?deep=1 HTTP/1.1"
    assert f"Host: 127.0.0.1:{server.port}" in lines
    assert "Connection: close" in lines
    assert not any(line.lower().startswith(("cookie", "auth")) for line in lines)


def test_a_redirect_is_not_followed(serve: Serve, closed_port: int) -> None:
    elsewhere = f"Location: http://127.0.0.1:{closed_port}/\r\n"
    server = serve(answering(f"HTTP/1.1 301 Moved\r\n{elsewhere}\r\n"))
    assert ask(server.port) == Result(True, "answered 301")


def test_an_endless_body_is_not_read(serve: Serve) -> None:
    def behave(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"5\r\nabcde\r\n" * 1000)

    assert ask(serve(behave).port) == Result(True, "answered 200")


def test_an_interim_answer_is_no_answer_yet(serve: Serve) -> None:
    text = "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"
    server = serve(answering(text))
    assert ask(server.port).detail == "answered 503 instead of 2xx or 3xx"


def test_a_refused_connection_is_said_so(closed_port: int) -> None:
    assert ask(closed_port) == Result(False, "connection refused")


def test_a_server_that_hangs_up_has_not_answered(serve: Serve) -> None:
    def behave(connection: socket.socket) -> None:
        connection.recv(4096)

    result = ask(serve(behave).port)
    assert not result.ok
    assert result.detail in ("closed without an answer", "connection reset") or (
        result.detail.startswith("the answer is no HTTP")
    )


def test_what_speaks_something_else_is_said_so(serve: Serve) -> None:
    result = ask(serve(answering("SSH-2.0-OpenSSH_9.2\r\n")).port)
    assert not result.ok
    assert result.detail.startswith("the answer is no HTTP")


def test_endless_headers_are_cut_off(serve: Serve) -> None:
    def behave(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X-More: yes\r\n" * 1000)

    result = ask(serve(behave).port)
    assert not result.ok
    assert result.detail.startswith("the answer is no HTTP")


def test_a_trickle_does_not_stretch_the_time(serve: Serve) -> None:
    """The timeout is for the whole answer, not for each piece of it."""

    def behave(connection: socket.socket) -> None:
        connection.recv(4096)
        for letter in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000:
            connection.sendall(bytes([letter]))
            time.sleep(0.02)

    begun = time.monotonic()
    assert ask(serve(behave).port, timeout=0.3) == Result(
        False, "no answer within 0.3 s"
    )
    assert time.monotonic() - begun < 2


def test_tls_to_a_server_without_it_is_an_error_in_words(serve: Serve) -> None:
    server = serve(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad\r\n\r\n"))
    url = f"https://127.0.0.1:{server.port}/"
    result = run(http.check(probe_of("http", url=url)))
    assert not result.ok
    assert "ssl" in result.detail
