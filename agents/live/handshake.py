"""Who may open the socket at all: the hub's own pages, and programs with a token.

A browser sends its cookies along whichever site asks it to, and always says which one
did. So a session counts only with the hub's own Origin, as it does where a page changes
something; without an Origin only a token counts, which no browser sends by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import split_domain_port, validate_host


class OwnPagesOrToken:
    """Refuses the handshake of everybody else, with 403."""

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        """Pass it on, or refuse it."""
        if may_open(scope):
            return await self._application(scope, receive, send)
        denied: Any = WebsocketDenier()
        return await denied(scope, receive, send)


def bearer(scope: Mapping[str, Any]) -> str | None:
    """The token in `Authorization: Bearer …`, None without such a header."""
    for value in _headers(scope, b"authorization"):
        kind, _, secret = value.strip().partition(" ")
        if kind.lower() == "bearer":
            return secret.strip()
    return None


def may_open(scope: Mapping[str, Any]) -> bool:
    """Whether no other site can have made this handshake."""
    hosts = tuple(_headers(scope, b"host"))
    if len(hosts) != 1 or not _is_ours(hosts[0]):
        return False
    origins = tuple(_headers(scope, b"origin"))
    if not origins:
        return bearer(scope) is not None
    return all(_is_own(origin, hosts[0]) for origin in origins)


def _is_own(origin: str, host: str) -> bool:
    """As Django judges the Origin of a form, but for the scheme: behind a proxy that
    has TLS, nobody says which one the browser saw."""
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    scheme, _, place = origin.partition("://")
    return scheme in {"http", "https"} and place.lower() == host.lower()


def _is_ours(host: str) -> bool:
    """A name that leads here only because somebody else's DNS says so is not."""
    allowed = settings.ALLOWED_HOSTS
    if settings.DEBUG and not allowed:
        allowed = ["localhost", "127.0.0.1", "[::1]"]
    name, _ = split_domain_port(host)
    return bool(name) and validate_host(name, allowed)


def _headers(scope: Mapping[str, Any], name: bytes) -> Iterator[str]:
    for key, value in scope.get("headers", ()):
        if key.lower() == name:
            yield value.decode("latin1")
