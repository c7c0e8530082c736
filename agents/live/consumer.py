"""The socket's door: who may listen, what a page shows, how much it may be behind.

A page acknowledges what it has shown. One that does not is sent nothing more until
it does, and then what it has missed; nothing is ever kept for it here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from channels.generic.websocket import AsyncWebsocketConsumer

from agents.live import fragments, subscription
from agents.live.access import Access, access
from agents.live.demand import Demand, Edition
from agents.live.entry import demand_of
from agents.live.subscription import Malformed
from agents.live.ticker import Ticker

MOST_UNACKNOWLEDGED: Final = 8

MALFORMED: Final = 4400
NOT_SIGNED_IN: Final = 4401
MAY_NOT_LOOK: Final = 4403


class LiveConsumer(AsyncWebsocketConsumer):
    """One open page."""

    ticker: Ticker
    may: Access
    shown: Demand | None = None
    known = 0
    seq = 0
    sent = 0
    acknowledged = 0
    behind = False
    numbers: dict[int, tuple[str, str]]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the socket, and leave the ticker however that ends.

        The server cancels consumers when it is stopped; `disconnect` is not called.
        """
        self.ticker = Ticker.of_this_loop()
        self.numbers = {}
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.ticker.leave(self)

    async def connect(self) -> None:
        """Let in who may look. A refusal needs an open socket to give its reason."""
        await self.accept()
        await self.check_access()

    async def check_access(self) -> None:
        """Close the socket of somebody who may not look (any more)."""
        user, session = self.scope.get("user"), self.scope.get("session")
        user_id = user.pk if user is not None else None
        self.may = await self.ticker.read(partial(access, user_id, session))
        if not self.may.view:
            self.shown = None
            self.ticker.leave(self)
            await self.close(MAY_NOT_LOOK if self.may.signed_in else NOT_SIGNED_IN)

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None
    ) -> None:
        """A message from the page."""
        if not self.may.view:
            return
        try:
            message = subscription.parse_message(text_data or "")
            match message["type"]:
                case "subscribe":
                    await self.subscribe(message)
                case "ack":
                    await self.acknowledge(subscription.parse_frame(message))
                case other:
                    raise Malformed(f"there is no message {other[:40]!r}")
        except Malformed as error:
            self.shown = None
            await self.close(MALFORMED, reason=str(error)[:100])

    async def subscribe(self, message: Mapping[str, Any]) -> None:
        """Send what the page shows, and from now on what changes of it."""
        if message.get("format", "html") != "html":
            raise Malformed("the only format is html")
        wanted = subscription.parse_subscription(message)
        self.known = wanted.known
        self.seq = wanted.after
        self.sent = self.acknowledged = 0
        self.behind = False
        self.numbers = {}
        operator = self.may.operate
        self.shown = await self.ticker.read(
            partial(demand_of, wanted, operator=operator)
        )
        self.ticker.join(self)
        await self.send_snapshot()

    async def acknowledge(self, frame: int) -> None:
        """The page has shown this frame; if it was behind, catch it up."""
        self.acknowledged = max(self.acknowledged, min(frame, self.sent))
        if self.behind and self.acknowledged == self.sent:
            self.behind = False
            await self.send_snapshot()

    async def send_snapshot(self) -> None:
        """What the page shows and has not been sent."""
        if self.shown is not None:
            edition = await self.ticker.snapshot(self.shown, self.seq)
            await self.deliver(edition)

    def demand(self) -> Demand | None:
        """What the page shows, unless it is behind."""
        return None if self.behind else self.shown

    async def deliver(self, edition: Edition) -> None:
        """Send the page's part of an edition, or note that it is behind."""
        if self.shown is None or self.behind:
            return
        if self.sent - self.acknowledged >= MOST_UNACKNOWLEDGED:
            self.behind = True
            return
        if html := compose(edition, self.shown, self.known):
            self.seq = edition.seq
            log = self.shown.log
            if log is not None and (step := edition.logs.get(log)):
                self.shown = self.shown.reading(step.after)
            place = self.shown.transcript
            if place is not None and (told := edition.transcripts.get(place)):
                self.shown = self.shown.following(told.after)
            self.sent += 1
            html += fragments.position(self.seq, self.sent)
            await self.tell(html)
        numbers = {
            pk: pair
            for pk, pair in edition.numbers.items()
            if pk in self.shown.ids and self.numbers.get(pk) != pair
        }
        if numbers:
            self.numbers |= numbers
            self.sent += 1
            message = {"type": "numbers", "frame": self.sent, "numbers": numbers}
            await self.tell(json.dumps(message))

    async def tell(self, text: str) -> None:
        """Send a frame; somebody who has just left does not need it."""
        try:
            await self.send(text_data=text)
        except RuntimeError:
            # Daphne's way to say that the socket has closed, before we were told.
            self.shown = None
            self.ticker.leave(self)


def compose(edition: Edition, shown: Demand, known: int) -> str:
    """A page's part of an edition, with what only this page needs."""
    html = edition.for_page(shown)
    if edition.ids is not None and (shown.overview or shown.agents):
        new = sum(1 for pk in edition.ids if pk > known)
        html += fragments.notice(new, len(shown.ids - edition.ids))
    if edition.newest_tasks is not None and shown.tasks:
        html += fragments.task_notice(sum(pk > known for pk in edition.newest_tasks))
    if shown.log is not None and (step := edition.logs.get(shown.log)):
        html += step.html
    if shown.transcript is not None:
        told = edition.transcripts.get(shown.transcript)
        html += told.html if told else ""
    return html
