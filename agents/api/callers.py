"""Who calls: a token in the header, or a session whose pages sent its CSRF token.

A token that is sent counts alone: a wrong one is refused, whoever is signed in.
"""

from __future__ import annotations

from typing import Any, Final

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from ninja.security import APIKeyCookie, HttpBearer
from ninja.utils import check_csrf

from agents.api.problems import Problem
from agents.services import failures, tokens
from agents.services.permissions import (
    AUDIT,
    CONFIGURE,
    DEFINE_COMMANDS,
    OPERATE,
    VIEW,
)
from agents.services.tokens import Caller

LACKS: Final = {
    VIEW: "look at agents",
    OPERATE: "start, stop or ask agents",
    CONFIGURE: "set up agents",
    DEFINE_COMMANDS: "define commands",
    AUDIT: "read the audit log (scope configure, and the permission to view it)",
}


class Bearer(HttpBearer):
    """`Authorization: Bearer …`, a token of a person or of a run."""

    def authenticate(self, request: HttpRequest, token: str) -> Caller:
        """Whom it lets in; a Problem if nobody."""
        caller = tokens.find(token.strip())
        if caller is None:
            if wait := failures.token_failed(request.META.get("REMOTE_ADDR") or ""):
                raise Problem(
                    429,
                    "Too many tokens from this address were wrong. A right one is "
                    f"taken at once; others in {wait} s.",
                    headers={"Retry-After": str(wait)},
                )
            raise Problem(
                401,
                "The token is not known, has expired or was revoked. "
                "`manage.py apitoken USER` makes a new one.",
                headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
            )
        return caller


class Session(APIKeyCookie):
    """The session of somebody who has signed in, for the hub's own pages."""

    param_name = settings.SESSION_COOKIE_NAME

    def __call__(self, request: HttpRequest) -> Caller | None:
        """Whoever has signed in, if the call comes from a page of the hub."""
        user = request.user
        if not user.is_authenticated:
            return None
        if check_csrf(request):
            raise Problem(
                403,
                "With a session, send the token of the cookie `csrftoken` as the "
                "header X-CSRFToken. Programs use a token instead of a session.",
            )
        assert isinstance(user, User)
        return tokens.of_user(user)

    def authenticate(self, request: HttpRequest, key: str | None) -> Caller | None:
        """Nobody by the cookie alone: Django has read it already."""
        return None


class AsyncBearer(Bearer):
    """The same for a route that is a coroutine."""

    async def __call__(self, request: HttpRequest) -> Any:
        return await sync_to_async(super().__call__)(request)


class AsyncSession(Session):
    """The same for a route that is a coroutine."""

    async def __call__(self, request: HttpRequest) -> Any:  # type: ignore[override]
        return await sync_to_async(super().__call__)(request)


AUTH: Final = (Bearer(), Session())
ASYNC_AUTH: Final = (AsyncBearer(), AsyncSession())


def whoever(request: HttpRequest) -> Caller | None:
    """Who calls a route that lets in anybody; a wrong token is refused there too.

    Raises Problem, or django's OperationalError while the database does not answer.
    """
    if request.headers.get("Authorization"):
        caller = Bearer()(request)
        return caller if isinstance(caller, Caller) else None
    return Session()(request)


def caller_of(request: HttpRequest) -> Caller:
    """Who calls; known on every route but those that let in anybody."""
    caller = request.auth  # type: ignore[attr-defined]
    assert isinstance(caller, Caller)
    return caller


def needs(request: HttpRequest, *permissions: str) -> Caller:
    """A person who has all of these; raises Problem for others, and for runs."""
    caller = caller_of(request)
    if caller.is_run:
        raise Problem(403, "A run's token may not do this; it needs a person's.")
    for permission in (VIEW, *permissions):
        if not caller.may(permission):
            raise Problem(403, _lacking(caller, permission))
    return caller


def needs_for(request: HttpRequest, agent: str, *permissions: str) -> Caller:
    """Likewise, or a run of the agent of this name."""
    caller = caller_of(request)
    if not caller.is_run:
        return needs(request, *permissions)
    if caller.agent != agent:
        raise Problem(403, f"This token is that of a run of {caller.agent}.")
    return caller


def _lacking(caller: Caller, permission: str) -> str:
    who = f"The token {caller.token!r} of {caller.actor}" if caller.token else "You"
    return f"{who} may not {LACKS[permission]}."
