"""Who may open the socket: no page of another site, whatever is sent along."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django.fixtures import Settings

from agents.live.handshake import bearer, may_open

HOST = "127.0.0.1:8000"
OWN = "http://127.0.0.1:8000"
TOKEN = "Bearer ahp_x"


def scope(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {"headers": [(name.encode(), value.encode()) for name, value in pairs]}


def opens(origin: str | None, token: str | None = None, host: str = HOST) -> bool:
    pairs = [("host", host), ("cookie", "sessionid=1")]
    pairs += [("origin", origin)] if origin is not None else []
    pairs += [("authorization", token)] if token is not None else []
    return may_open(scope(*pairs))


def test_the_hubs_own_pages_do() -> None:
    assert opens(OWN)
    assert opens("https://127.0.0.1:8000"), "behind a proxy that has TLS"
    assert opens("http://localhost", host="localhost")


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://127.0.0.1:3000",
        "http://localhost:8000",
        "http://127.0.0.1:8000.evil.example",
        "http://evil.example/127.0.0.1:8000",
        "http://user@127.0.0.1:8000",
        "file://",
        "null",
        "",
    ],
)
@pytest.mark.parametrize("token", [None, TOKEN])
def test_pages_of_others_do_not_with_a_session_or_a_token(
    origin: str, token: str | None
) -> None:
    assert not opens(origin, token)


def test_who_says_no_origin_needs_a_token() -> None:
    assert opens(None, TOKEN)
    assert not opens(None)
    assert not opens(None, "Basic YWRtaW46eA==")


def test_a_name_that_is_not_ours_leads_nowhere() -> None:
    """As when somebody's DNS points his own name at this machine."""
    assert not opens("http://evil.example", host="evil.example")
    assert not opens(None, TOKEN, host="evil.example")
    assert not may_open(scope(("origin", OWN)))
    assert not may_open(scope(("host", HOST), ("host", HOST), ("origin", OWN)))


def test_where_every_host_is_allowed_a_foreign_page_is_not(
    settings: Settings,
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert opens("http://hub.example", host="hub.example")
    assert not opens("http://evil.example", host="hub.example")
    assert not opens(None, host="hub.example")


def test_an_origin_that_forms_are_trusted_from_is_ours(
    settings: Settings,
) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://hub.example"]
    assert opens("https://hub.example")


def test_two_origins_have_to_be_ours_both() -> None:
    pairs = (("host", HOST), ("origin", OWN), ("origin", "http://evil.example"))
    assert not may_open(scope(*pairs))


def test_a_token_is_read_as_the_api_reads_it() -> None:
    assert bearer(scope(("authorization", "Bearer ahp_x"))) == "ahp_x"
    assert bearer(scope(("authorization", "bearer  ahp_x "))) == "ahp_x"
    assert bearer(scope(("authorization", "Basic ahp_x"))) is None
    assert bearer(scope()) is None
