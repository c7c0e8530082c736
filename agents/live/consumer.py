"""The socket's door: who may listen, and whether a page or a program does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final

from channels.generic.websocket import AsyncWebsocketConsumer

from agents.live import subscription
from agents.live.access import NOBODY, Access, access, access_by_token
from agents.live.closing import (
    MALFORMED,
    MAY_NOT_LOOK,
    NOT_SIGNED_IN,
    TOO_MANY,
    Goodbye,
)
from agents.live.demand import Demand, Edition
from agents.live.handshake import bearer
from agents.live.page import Page
from agents.live.places import Place
from agents.live.program import Program
from agents.live.subscription import Malformed
from agents.live.ticker import Ticker

# Subscriptions at once, and how many more each second: each reads the database.
MOST_AT_ONCE: Final = 30
MORE_EACH_SECOND: Final = 1.0


class LiveConsumer(AsyncWebsocketConsumer):
    """One socket."""

    ticker: Ticker
    may: Access = NOBODY
    token: str | None = None
    listener: Page | Program | None = None
    over = False
    left = float(MOST_AT_ONCE)
    counted_at = 0.0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the socket, and leave the ticker however that ends.

        The server cancels consumers when it is stopped; `disconnect` is not called.
        """
        self.ticker = Ticker.of_this_loop()
        self.token = bearer(scope)
        self.ticker.enter()
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.end()
            self.ticker.exit()

    async def connect(self) -> None:
        """Let in who may look. A refusal needs an open socket to give its reason."""
        await self.accept()
        host, *_ = self.scope.get("client") or ("",)
        await self.check_access(host)

    async def check_access(self, address: str = "") -> None:
        """Close the socket of somebody who may not look (any more)."""
        self.may = await self.ticker.read(self.reading_access(address))
        if self.may.wait:
            words = f"too many wrong tokens from this address: wait {self.may.wait} s"
            await self.part(Goodbye(TOO_MANY, words))
        elif not self.may.listen:
            code = MAY_NOT_LOOK if self.may.signed_in else NOT_SIGNED_IN
            words = "may not look at agents" if self.may.signed_in else "is not valid"
            whose = "the token" if self.token is not None else "the session"
            await self.part(Goodbye(code, f"{whose} {words} (any more)"))

    def reading_access(self, address: str) -> partial[Access]:
        """A token that is sent counts alone, whoever is signed in."""
        if self.token is not None:
            return partial(access_by_token, self.token, address)
        user, session = self.scope.get("user"), self.scope.get("session")
        return partial(access, user.pk if user is not None else None, session)

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None
    ) -> None:
        """A message from the page or program."""
        if self.over or not self.may.listen:
            return
        try:
            message = subscription.parse_message(text_data or "")
            match message["type"]:
                case "subscribe":
                    await self.subscribe(message)
                case "ack":
                    if self.listener is not None:
                        await self.listener.acknowledge(message)
                case other:
                    raise Malformed(f"there is no message {other[:40]!r}")
        except Malformed as error:
            await self.part(Goodbye(MALFORMED, str(error)[:200]))
        except Goodbye as goodbye:
            await self.part(goodbye)

    async def subscribe(self, message: Mapping[str, Any]) -> None:
        """Begin to tell a page or a program what it asks for."""
        self.count()
        # The socket may have been open for long, and nobody looks while it is silent.
        await self.check_access()
        if self.over:
            return
        match message.get("format", "json"):
            case "html":
                await self.subscribe_page(message)
            case "json":
                await self.subscribe_program(message)
            case _:
                raise Malformed("a format is json or html")

    async def subscribe_page(self, message: Mapping[str, Any]) -> None:
        """Fragments are for people: of all that they may look at."""
        if not self.may.view:
            raise Goodbye(MAY_NOT_LOOK, "a run's token has no pages")
        if not isinstance(self.listener, Page):
            join = partial(self.ticker.join, self)
            self.listener = Page(self.ticker, self.tell, join)
        await self.listener.subscribe(message, operator=self.may.operate)

    async def subscribe_program(self, message: Mapping[str, Any]) -> None:
        """Shapes are for programs."""
        if not isinstance(self.listener, Program):
            self.listener = Program(self.ticker, self.tell, self.part)
        await self.listener.subscribe(message, self.may)
        if not self.over:
            self.ticker.join(self)

    def count(self) -> None:
        """Raises Goodbye when there are too many subscriptions."""
        now = asyncio.get_running_loop().time()
        more = (now - self.counted_at) * MORE_EACH_SECOND
        self.left, self.counted_at = min(MOST_AT_ONCE, self.left + more), now
        if self.left < 1:
            raise Goodbye(TOO_MANY, "too many subscriptions: one a second is enough")
        self.left -= 1

    def demand(self) -> Demand | None:
        """What a page shows."""
        return self.listener.demand() if self.listener else None

    def places(self) -> Collection[Place]:
        """Where a program is."""
        return self.listener.places() if self.listener else ()

    async def deliver(self, edition: Edition) -> None:
        """Send what there is for it in an edition."""
        if self.listener is not None:
            await self.listener.deliver(edition)

    async def part(self, goodbye: Goodbye) -> None:
        """Close the socket; a program is told why, for the server keeps that back."""
        if self.over:
            return
        program = isinstance(self.listener, Program) or (
            self.listener is None and self.token is not None
        )
        self.end()
        if program:
            bye = {"type": "bye", "code": goodbye.code, "reason": goodbye.reason}
            await self.tell(json.dumps(bye))
        with suppress(RuntimeError):
            await self.close(goodbye.code, reason=goodbye.reason[:100])

    def end(self) -> None:
        """Nothing more is sent, and the ticker does without it."""
        self.over = True
        if self.listener is not None:
            self.listener.leave()
        self.ticker.leave(self)

    async def tell(self, text: str) -> None:
        """Send a frame; somebody who has just left does not need it."""
        try:
            await self.send(text_data=text)
        except RuntimeError:
            # Daphne's way to say that the socket has closed, before we were told.
            self.end()
