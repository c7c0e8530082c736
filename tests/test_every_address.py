"""Every address of the project, whoever added it: who is refused, and that a look
changes nothing.

Addresses come from the resolver, so that a new one is tested without anybody's help.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, path

from agents.models import Agent, Run
from agents.services import tokens
from tests.harness.engine import Engine, asked, thinker
from tests.harness.recorded import run_of

ADMIN: Final = "/admin/"
CHANGING: Final = ("POST", "PUT", "PATCH", "DELETE")
# What anybody may see, and why.
PUBLIC: Final = {
    "/sign-in/": "somebody who has not signed in yet signs in here",
    "/admin/login/": "likewise, for the admin",
    "/sign-out/": "nobody is signed out by it who was not signed in",
    "/admin/logout/": "likewise, from the admin",
    "/admin/jsi18n/": "the words of the admin's own scripts",
    "/api/v1/healthz": "a load balancer has no token; details need one",
}
# What a look may write, and why.
BOOKKEEPING: Final = {
    "django_session": "a session is lengthened",
    "agents_failures": "somebody is let in or not",
    "agents_node": "a node's silence is noticed by whoever looks",
}
# By the names that addresses give to their parts.
VALUES: Final = {
    "action": "start",
    "stream": "out",
    "step": "1",
    "app_label": "agents",
    "content_type_id": "1",
    "url": "none",
    "key": "none",
}
# What makes a form do what it is for.
FORM: Final = {
    "action": "start",
    "names": "web",
    "confirmed": "yes",
    "post": "yes",
    "_save": "Save",
    "reason": "because",
    "prompt": "do it",
    "text": "yes",
    "username": "nobody",
    "password": "wrong",
}
_PART: Final = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^)]*\)|\(\?:[^)]*\)\??")


def addresses(parts: dict[str, str], root: Any = None) -> Iterator[str]:
    """Each address once, with these for the names in it."""
    yield from sorted(set(_below("", root or get_resolver(), parts)))


def _below(prefix: str, resolver: Any, parts: dict[str, str]) -> Iterator[str]:
    for one in resolver.url_patterns:
        route = prefix + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from _below(route, one, parts)
        elif isinstance(one, URLPattern):
            yield "/" + _filled(route, parts)


def _filled(route: str, parts: dict[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2] or ""
        return parts.get(name, "") or VALUES.get(name, "1") if name else ""

    return _PART.sub(value, route).strip("^").replace("$", "").replace("\\Z", "")


@pytest.fixture
def parts(db: None) -> dict[str, str]:
    """An agent with a run and a task with a step: what addresses name."""
    web = Agent.objects.create(name="web", command=["sleep", "9"])
    run_of(web)
    task = asked(thinker())
    Engine.at_work(task)
    return {"name": "web", "number": "1", "task_id": str(task.pk), "object_id": "1"}


def stored(but: dict[str, str] = BOOKKEEPING) -> dict[str, str]:
    """A fingerprint of each table."""
    found = {}
    with connection.cursor() as cursor:
        for table in sorted(set(connection.introspection.table_names(cursor)) - {*but}):
            cursor.execute(f'SELECT * FROM "{table}"')
            rows = [
                # When a token or a person was last there is no change to anything.
                [
                    value
                    for column, value in zip(cursor.description, row, strict=True)
                    if column[0] not in ("last_used_at", "last_login")
                ]
                for row in cursor.fetchall()
            ]
            found[table] = hashlib.sha256(repr(rows).encode()).hexdigest()
    return found


def ask(client: Client, method: str, address: str, **headers: str) -> HttpResponse:
    """The answer, which is not read: downloads are streams of the server's own."""
    call = getattr(client, method.lower())
    options: dict[str, Any] = {"headers": headers}
    if method == "POST" and not address.startswith("/api/"):
        options["data"] = FORM
    elif method in CHANGING:
        options |= {"data": "{}", "content_type": "application/json"}
    response: HttpResponse = call(address, **options)
    return response


def is_refused(response: HttpResponse) -> bool:
    """Sent away to sign in, or told no."""
    if response.status_code in (301, 302):
        return "/sign-in/" in response["Location"] or "/login/" in response["Location"]
    return response.status_code in (401, 403, 404, 405, 409, 422)


def signed_in(user: User) -> Client:
    client = Client(raise_request_exception=True)
    client.force_login(user)
    return client


def test_a_stranger_is_refused_everywhere(parts: dict[str, str]) -> None:
    before = stored()
    let_in = [
        f"{method} {address}"
        for address in addresses(parts)
        if address not in PUBLIC
        for method in ("GET", *CHANGING)
        if not is_refused(ask(Client(), method, address))
    ]
    assert let_in == []
    assert stored() == before


def test_a_viewer_changes_nothing_anywhere(parts: dict[str, str], vera: User) -> None:
    issued = tokens.issue(vera, name="look", scope="view", by="a test")
    secret = f"Bearer {issued.secret}"
    before = stored()
    for address in addresses(parts):
        for method in CHANGING:
            if address in PUBLIC:
                continue
            page = ask(signed_in(vera), method, address)
            assert page.status_code < 500, f"{method} {address}"
            # The admin shows its pages whatever the method; what counts comes below.
            if method == "POST" and not address.startswith(ADMIN):
                assert is_refused(page), f"{address}: {page.status_code}"
            if address.startswith("/api/"):
                bearer = ask(
                    Client(), method, address, Authorization=f"Bearer {secret}"
                )
                assert is_refused(bearer), f"{method} {address}: {bearer.status_code}"
            assert stored() == before, f"{method} {address}"


def test_a_run_of_another_agent_is_refused_everywhere(parts: dict[str, str]) -> None:
    other = Agent.objects.create(name="other", command=["sleep", "9"])
    run = run_of(other)
    secret = tokens.for_run()
    Run.objects.filter(pk=run.pk).update(token_hash=tokens.hash_of(secret))
    Agent.objects.filter(pk=other.pk).update(status="running", run=run)
    bearer = f"Bearer {secret}"
    own = ask(Client(), "GET", "/api/v1/agents/other", Authorization=bearer)
    assert own.status_code == 200, "the token itself is good"
    before = stored()
    let_in = [
        f"{method} {address}"
        for address in addresses(parts)
        if address not in PUBLIC
        for method in ("GET", *CHANGING)
        if not is_refused(ask(Client(), method, address, Authorization=bearer))
    ]
    assert let_in == []
    assert stored() == before


def test_a_look_changes_nothing(parts: dict[str, str], admin_user: User) -> None:
    client = signed_in(admin_user)
    secret = tokens.issue(admin_user, name="all", scope="configure", by="a test").secret
    before = stored()
    for address in addresses(parts):
        for method in ("GET", "HEAD"):
            page = ask(client, method, address)
            assert page.status_code < 500, f"{method} {address}"
            if address.startswith("/api/"):
                ask(Client(), method, address, Authorization=f"Bearer {secret}")
            assert stored() == before, f"{method} {address}"


def test_an_unguarded_address_does_not_go_unnoticed(parts: dict[str, str]) -> None:
    def unguarded(request: HttpRequest, name: str) -> HttpResponse:
        Agent.objects.filter(name=name).update(role="changed by a look")
        return HttpResponse("hello")

    root = SimpleNamespace(url_patterns=[path("agents/<str:name>/new", unguarded)])
    (address,) = addresses(parts, root)
    assert address == "/agents/web/new"
    before = stored()
    response = unguarded(HttpRequest(), "web")
    assert not is_refused(response)
    assert stored() != before


def test_every_public_address_exists(parts: dict[str, str]) -> None:
    assert set(PUBLIC) <= {*addresses(parts), "/api/v1/healthz"}
