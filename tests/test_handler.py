"""How requests get to their views, by the handler itself and on the tests' database."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final, cast

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core.signals import request_finished
from django.db import connection, connections
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from pytest_django.fixtures import Settings

from agenthub.handler import Handler
from agents.services.precedence import AT_MOST, Precedence

pytestmark = pytest.mark.django_db(transaction=True)

_meeting: Final = threading.Barrier(2)


def _seen() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return {"thread": threading.get_ident(), "connection": id(connection.connection)}


def plain(request: HttpRequest) -> HttpResponse:
    return JsonResponse(_seen())


def meeting(request: HttpRequest) -> HttpResponse:
    _meeting.wait(20)
    return JsonResponse(_seen())


def told(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.body)


def failing(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("planned")


def leaving(request: HttpRequest) -> HttpResponse:
    seen = _seen()
    connection.set_autocommit(False)
    return JsonResponse(seen)


def committing(request: HttpRequest) -> HttpResponse:
    return JsonResponse({**_seen(), "autocommit": connection.get_autocommit()})


def ringing(request: HttpRequest) -> HttpResponse:
    return HttpResponse(async_to_sync(_on_loop)())


async def _on_loop() -> str:
    await asyncio.sleep(0)
    return await sync_to_async(lambda: "from the loop and back")()


def streamed(request: HttpRequest) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    return StreamingHttpResponse(parts())


async def waiting(request: HttpRequest) -> HttpResponse:
    loop = threading.get_ident()
    return JsonResponse({"loop": loop, **await sync_to_async(_seen)()})


urlpatterns = [
    path(view.__name__, cast(Callable[..., HttpResponse], view))
    for view in (
        *(plain, meeting, told, failing, leaving, committing, ringing, streamed),
        waiting,
    )
]


class Site:
    """The handler, with the views of this module behind it."""

    def __init__(self, threads: int) -> None:
        self.handler = Handler(threads)

    def ask(self, *names: str, body: bytes = b"") -> list[Any]:
        """The answers of these views, asked at the same time."""

        async def one(name: str) -> Any:
            answer, here = {"body": b""}, asyncio.Event()
            asked = [{"type": "http.request", "body": body}]

            async def receive() -> Any:
                return asked.pop() if asked else await here.wait()

            async def send(message: Any) -> None:
                answer["body"] += message.pop("body", b"")
                answer.update(message)

            path, headers = f"/{name}", [(b"host", b"localhost")]
            scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
            await self.handler(cast(Any, scope), receive, send)
            return answer

        async def all_() -> list[Any]:
            return await asyncio.gather(*map(one, names))

        return asyncio.run(all_())

    def close(self) -> None:
        """End every thread, each with its connection."""
        threads = self.handler.threads
        count = len(threads._threads)
        together = threading.Barrier(count)

        def leave() -> None:
            together.wait(20)
            connections.close_all()

        for one in [threads.submit(leave) for _ in range(count)]:
            one.result()
        threads.shutdown()

    def told(self, *names: str) -> list[Any]:
        """The same, of views that answer in JSON."""
        return [json.loads(answer["body"]) for answer in self.ask(*names)]


@pytest.fixture
def site(settings: Settings, request: pytest.FixtureRequest) -> Iterator[Site]:
    """With one thread, or as many as a test asks for."""
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = [
        name for name in settings.MIDDLEWARE if "csrf" not in name.lower()
    ]
    site = Site(getattr(request, "param", 1))
    yield site
    site.close()


def test_requests_one_after_the_other_share_a_thread_and_its_connection(
    site: Site,
) -> None:
    first, second = site.told("plain")[0], site.told("plain")[0]
    assert first == second
    assert first["thread"] != threading.get_ident()


@pytest.mark.parametrize("site", [2], indirect=True)
def test_requests_at_the_same_time_have_threads_and_connections_of_their_own(
    site: Site,
) -> None:
    first, second = site.told("meeting", "meeting")
    assert first["thread"] != second["thread"]
    assert first["connection"] != second["connection"]


def test_a_coroutine_runs_on_the_loop_and_its_steps_in_the_kept_threads(
    site: Site,
) -> None:
    (before,) = site.told("plain")
    (seen,) = site.told("waiting")
    assert seen["loop"] == threading.get_ident()
    assert seen["thread"] == before["thread"]
    assert seen["connection"] == before["connection"]


def test_a_connection_that_was_left_in_another_state_is_not_used_again(
    site: Site,
) -> None:
    (left,) = site.told("leaving")
    (after,) = site.told("committing")
    assert after["thread"] == left["thread"]
    assert after["autocommit"]


def test_a_view_may_have_the_loop_do_something(site: Site) -> None:
    (answer,) = site.ask("ringing")
    assert answer["body"] == b"from the loop and back"


def test_the_body_comes_whole_and_a_stream_goes_whole(site: Site) -> None:
    sent = b"x" * 300_000
    assert site.ask("told", body=sent)[0]["body"] == sent
    assert site.ask("streamed")[0]["body"] == b"one two"


def test_each_request_is_finished_once(site: Site) -> None:
    finished: list[None] = []

    def note(**_: Any) -> None:
        finished.append(None)

    request_finished.connect(note)
    try:
        names = ("plain", "told", "streamed", "waiting", "nowhere")
        answers = site.ask(*names)
    finally:
        request_finished.disconnect(note)
    assert [answer["status"] for answer in answers] == [200, 200, 200, 200, 404]
    assert len(finished) == len(names)


def test_a_view_that_fails_is_answered_and_the_next_is_too(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    assert site.ask("failing")[0]["status"] == 500
    assert "planned" in caplog.text
    assert site.ask("plain")[0]["status"] == 200


def test_who_has_precedence_is_waited_for() -> None:
    async def meet() -> list[str]:
        precedence, order = Precedence(), []

        async def request() -> None:
            await precedence.given()
            order.append("request")

        await precedence.given()
        precedence.take()
        precedence.take()
        waiting = asyncio.create_task(request())
        await asyncio.sleep(0)
        order.append("supervisor")
        precedence.give()
        precedence.give()
        await waiting
        return order

    assert asyncio.run(meet()) == ["supervisor", "request"]


def test_precedence_that_is_never_given_back_is_waited_for_some_moments() -> None:
    async def wait() -> float:
        precedence, loop = Precedence(), asyncio.get_running_loop()
        precedence.take()
        begun = loop.time()
        await asyncio.wait_for(precedence.given(), 20)
        return loop.time() - begun

    assert asyncio.run(wait()) >= AT_MOST * 0.9
