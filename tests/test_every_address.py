"""Every address of the project refuses who may not, and a GET changes nothing.

The addresses are those of the resolver, with the bodies that the OpenAPI description
asks for: whoever adds one is tested here without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from asgiref.sync import async_to_sync
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, TransactionTestCase
from django.urls import path
from django.views.decorators.http import require_POST
from pytest_django.fixtures import Settings

from agents.api import access
from agents.live.routing import websocket_urlpatterns
from agents.models import Agent, Run
from agents.pages.guards import PageRequest, needs
from agents.services import tokens
from agents.services.permissions import VIEW
from tests.harness.addresses import Address, addresses, body_of, query_of
from tests.harness.recorded import run_of
from tests.harness.world import World, contents, make_world

SCOPES: Final = ("view", "operate", "configure")
READING: Final = ("GET", "HEAD")
CHANGING: Final = ("POST", "PUT", "PATCH", "DELETE")
# Open to anybody, each for its reason. Files of the pages (static/) have no address in
# the resolver: the server hands them out, and there is nothing in them but the pages.
PUBLIC: Final = {
    "sign-in/": "somebody who has not signed in has to be able to",
    "admin/login/": "the same",
    "admin/logout/": "it ends a session, and nobody else's",
    "^api(?:/.*)?$": "it only says that there is no such address",
    "api/v1/": "the same",
    "api/v1/healthz": "what restarts a hub has no token; it says ready or not",
}
# What a person without any right to change may send, each for its reason.
OWN: Final = {
    "sign-out/": "their own session",
    "admin/logout/": "their own session",
    "sign-in/": "they have signed in",
    "admin/login/": "they have signed in",
    "admin/password_change/": "their own password",
    "tokens/": "their own tokens",
    "tokens/<int:number>/revoke": "their own tokens",
}
# What in the admin takes a POST; all else is shown again, whatever is sent.
ADMIN_CHANGES: Final = (
    *("add/", "change/", "delete/", "check/"),
    *("/ask/<str:wish>/", "<id>/password/", "revoke/"),
)
FORM: Final = {
    "action": "stop",
    "names": "web",
    "confirmed": "yes",
    "prompt": "Do it.",
    "text": "Yes.",
    "key": "a key",
    "post": "yes",
}


@pytest.fixture
def world(db: None, data: Path) -> World:
    return make_world()


def every(world: World) -> list[Address]:
    return addresses(world.examples)


def send(client: Client, method: str, one: Address, world: World) -> Any:
    """A request that is as it should be but for who sends it."""
    ask = getattr(client, method.lower())
    told = one.operations.get(method, {})
    query = query_of(told, world.examples)
    if method in READING:
        return ask(one.path, query)
    if one.is_api:
        body = body_of(told, world.examples)
        return ask(one.path, body, content_type="application/json", query_params=query)
    return ask(one.path, FORM) if method == "POST" else ask(one.path)


def read_to_the_end(response: Any) -> None:
    """So that it does its work; to close it would close the test's own connection."""

    async def read() -> None:
        async for _ in response.streaming_content:
            pass

    if response.is_async:
        async_to_sync(read)()
    else:
        list(response.streaming_content)


def refuses(response: Any) -> bool:
    to_sign_in = response.headers.get("Location", "").startswith(
        ("/sign-in/", "/admin/login/")
    )
    return response.status_code in (401, 403) or to_sign_in


def walk(
    world: World,
    who: Callable[[], Client],
    found: Iterable[Address],
    methods: Iterable[str],
    fine: Callable[[Address, str, Any], bool],
) -> Iterator[str]:
    """What is wrong: an answer that is not fine, and a table that has changed."""
    for one in found:
        before = contents()
        client = who()
        for method in methods:
            response = send(client, method, one, world)
            if not fine(one, method, response):
                yield f"{method} {one.route}: {response.status_code}"
            if response.streaming:
                read_to_the_end(response)
        after = contents()
        changed = [name for name in after if after[name] != before.get(name)]
        if changed:
            yield f"{one.route}: changed {', '.join(changed)}"


def anonymous(world: World, found: Iterable[Address]) -> list[str]:
    private = [one for one in found if one.route not in PUBLIC]

    refusing = set()

    def fine(one: Address, method: str, response: Any) -> bool:
        if refuses(response):
            refusing.add(one)
        # Which methods an address knows is no secret: the description says it.
        return refuses(response) or response.status_code == 405

    told = list(
        walk(world, lambda: world.browser(""), private, (*READING, *CHANGING), fine)
    )
    closed = [one for one in private if one not in refusing]
    return told + [f"{one.route}: refuses nobody" for one in closed]


def viewers(world: World, found: Iterable[Address], who: Client) -> list[str]:
    def fine(one: Address, method: str, response: Any) -> bool:
        if one.route.startswith("admin/") and (
            method != "POST" or not one.route.endswith(ADMIN_CHANGES)
        ):
            return bool(response.status_code < 500)
        known = response.status_code in (404, 405)
        return refuses(response) or (known and method not in one.operations)

    asked = [one for one in found if one.route not in OWN]
    return list(walk(world, lambda: who, asked, CHANGING, fine))


def wrong_runs(world: World, found: Iterable[Address]) -> list[str]:
    who = world.program("run of other")

    def fine(one: Address, method: str, response: Any) -> bool:
        return refuses(response) or response.status_code in (404, 405)

    private = [one for one in found if one.route not in PUBLIC]
    return list(walk(world, lambda: who, private, (*READING, *CHANGING), fine))


def readers(world: World, found: Iterable[Address]) -> list[str]:
    who = world.browser("root")

    def fine(one: Address, method: str, response: Any) -> bool:
        if one.route in PUBLIC or "(?P<url>" in one.route:
            return bool(response.status_code < 500)
        return bool(response.status_code < 500 and response.status_code != 404)

    return list(walk(world, lambda: who, found, READING, fine))


def test_nobody_gets_in_without_signing_in_and_nothing_changes(world: World) -> None:
    assert anonymous(world, every(world)) == []


def test_who_may_only_look_changes_nothing_in_a_browser(world: World) -> None:
    assert viewers(world, every(world), world.browser("vera")) == []


@pytest.mark.parametrize("token", ["alice to look", "vera to configure"])
def test_a_token_changes_nothing_that_its_scope_or_its_person_may_not(
    world: World, token: str
) -> None:
    api = [one for one in every(world) if one.is_api and one.route not in PUBLIC]
    assert len(api) >= 2
    assert viewers(world, api, world.program(token)) == []


def test_a_run_gets_nowhere_but_to_its_own_agent(world: World) -> None:
    assert wrong_runs(world, every(world)) == []
    assert world.program("run of web").get("/api/v1/agents/web").status_code == 200


def test_reading_changes_nothing_whoever_reads(world: World) -> None:
    assert readers(world, every(world)) == []


def test_a_public_address_and_an_own_one_are_there(world: World) -> None:
    """Or the list would hide what comes there later."""
    routes = {one.route for one in every(world)}
    assert set(PUBLIC) <= routes | {"api/v1/healthz"}
    assert set(OWN) <= routes
    assert len(routes) > 100


def every_kind_of_token(world: World) -> None:
    """One of each scope, and one of a run that has a task."""
    for scope in SCOPES:
        name, root = f"root to {scope}", world.people["root"]
        if name not in world.secrets:
            issued = tokens.issue(root, name=name, scope=scope, by="a test")
            world.secrets[name] = issued.secret
    run = run_of(Agent.objects.get(name="writer"), pid=4244)
    world.secrets["run of writer"] = secret = tokens.for_run()
    Run.objects.filter(pk=run.pk).update(token_hash=tokens.hash_of(secret))


def lets_in(world: World, one: Address, method: str, token: str) -> bool:
    """Whether the guard of an operation lets this token in; nothing comes of it."""
    with transaction.atomic():
        response = send(world.program(token), method, one, world)
        transaction.set_rollback(True)
    return response.status_code not in (401, 403)


def test_the_description_says_who_is_let_in_where(world: World) -> None:
    """What it says wrongly is to be changed in `agents/api/access.py`."""
    every_kind_of_token(world)
    wrong, number = {}, 0
    for one in every(world):
        for method, told in one.operations.items():
            number += 1
            least = told[access.EXTENSION]["scope"]
            scopes = SCOPES[SCOPES.index(least) if least else 0 :]
            said = {*scopes, "run"} if told[access.EXTENSION]["run"] else {*scopes}
            found = {
                scope
                for scope in SCOPES
                if lets_in(world, one, method, f"root to {scope}")
            }
            # Whatever is named is of one of these two.
            runs = ("run of web", "run of writer")
            if any(lets_in(world, one, method, run) for run in runs):
                found.add("run")
            if found != said:
                wrong[f"{method} {one.route}"] = {"said": said, "is": found}
    assert wrong == {}
    assert number > 20


# The walk does find an address that somebody forgot to guard.


def open_to_all(request: HttpRequest) -> HttpResponse:
    return HttpResponse("hello")


@needs(VIEW)
def counts_looks(request: PageRequest) -> HttpResponse:
    Agent.objects.filter(name="web").update(activity_note="seen")
    return HttpResponse("hello")


@require_POST
@needs(VIEW)
def forgets_operate(request: PageRequest, name: str) -> HttpResponse:
    Agent.objects.filter(name=name).update(activity_note="changed")
    return HttpResponse("done")


def forgets_the_run(request: HttpRequest) -> HttpResponse:
    allowed = "Authorization" in request.headers
    return HttpResponse("hello", status=200 if allowed else 403)


urlpatterns = [
    path("open/", open_to_all),
    path("counts/", counts_looks),
    path("agents/<str:name>/forgets", forgets_operate),
    path("runs/", forgets_the_run),
]


def test_an_address_without_a_guard_is_found(world: World, settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__
    found = every(world)
    assert [one.path for one in found][2:] == ["/agents/web/forgets", "/runs/"]
    assert "GET open/: 200" in anonymous(world, found)
    assert "open/: refuses nobody" in anonymous(world, found)
    told = viewers(world, found, world.browser("vera"))
    assert "POST agents/<str:name>/forgets: 200" in told
    assert "agents/<str:name>/forgets: changed agents_agent" in told
    assert "GET runs/: 200" in wrong_runs(world, found)
    assert readers(world, found) == ["counts/: changed agents_agent"]


def test_an_address_that_cannot_be_filled_in_is_an_error(
    world: World, settings: Settings
) -> None:
    settings.ROOT_URLCONF = __name__
    del world.examples["agents"], world.examples["name"]
    with pytest.raises(AssertionError, match="has no 'name' for agents/<str:name>"):
        every(world)


class TestTheSockets(TransactionTestCase):
    """Sockets have no address in the resolver of pages, but in one of their own."""

    async def test_nobody_is_sent_anything_without_signing_in(self) -> None:
        assert websocket_urlpatterns
        for one in websocket_urlpatterns:
            router: Any = URLRouter(websocket_urlpatterns)
            socket = WebsocketCommunicator(router, f"/{one.pattern}")
            scope: Any = socket.scope
            scope |= {"user": None, "session": None}
            await socket.connect()
            first = await socket.receive_output(timeout=5)
            assert first["type"] == "websocket.close", one
            assert first["code"] in (4401, 4403), one
