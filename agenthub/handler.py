"""How a request gets to its view: in one step of one kept thread, if the view can.

Django's own handler takes a step for each middleware, in a thread made for each
request, with a connection made for each: twice the work of a small answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any, Final, ParamSpec, TypeVar

from asgiref.sync import ThreadSensitiveContext, iscoroutinefunction, sync_to_async
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.core.signals import request_started
from django.db import close_old_connections
from django.http import HttpResponseBase
from django.urls import Resolver404, resolve, set_script_prefix

from agents.services.precedence import precedence

P = ParamSpec("P")
R = TypeVar("R")
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

# As many requests are worked on at once; more wait for their turn. Threads are made
# as they are needed, and a free one is used before another is made.
THREADS: Final = 32


class Threads(ThreadPoolExecutor):
    """Kept threads, each with its kept connection to the database.

    `ThreadSensitiveContext` asks for an executor of one thread. A request of this hub
    takes one step at a time and carries nothing from step to step in a thread: its
    transactions begin and end within one.
    """

    def submit(
        self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[R]:
        """Have it run; what is wrong with the thread's connection is seen to after."""
        return super().submit(_tidily, fn, *args, **kwargs)


def _tidily(fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    try:
        return fn(*args, **kwargs)
    finally:
        close_old_connections()


class _InThread(BaseHandler):
    """The middleware and the view, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.load_middleware(is_async=False)


class Handler(ASGIHandler):
    """Django's for a view that is a coroutine, its own way for all others."""

    def __init__(self, threads: int = THREADS) -> None:
        super().__init__()
        self._in_thread = _InThread()
        self.threads = Threads(threads, thread_name_prefix="request")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await precedence.given()
        async with ThreadSensitiveContext(executor=self.threads):
            if _is_coroutine(scope["path"]):
                await self.handle(scope, receive, send)
            else:
                await self._in_one_step(scope, receive, send)

    async def _in_one_step(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        response = await sync_to_async(self._answer)(scope, body)
        try:
            await self.send_response(response, send)
        finally:
            if response.streaming:
                await sync_to_async(response.close)()

    def _answer(self, scope: Scope, body: IO[bytes]) -> HttpResponseBase:
        set_script_prefix(get_script_prefix(scope))
        request_started.send(sender=self.__class__, scope=scope)
        with body:
            request, refusal = self.create_request(scope, body)
            response: HttpResponseBase | None = refusal
            if request is not None:
                response = self._in_thread.get_response(request)
        assert response is not None, "a request that could not be made is refused"
        if not response.streaming:
            # It has all that is sent; another step for this would be one too many.
            response.close()
        return response


def _is_coroutine(path: str) -> bool:
    try:
        return bool(iscoroutinefunction(resolve(path).func))
    except Resolver404:
        return False
