"""A program that listens: a snapshot of what it follows, then each change in turn.

A program acknowledges what it gets. While much is on its way it is sent nothing, and
then what it missed; one that acknowledges nothing for long is told goodbye. Nothing is
kept for it here, and nothing waits for it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from typing import Any

from agents.live import topics
from agents.live.access import Access, refusal
from agents.live.closing import MAY_NOT_LOOK, TOO_SLOW, Goodbye
from agents.live.demand import Edition
from agents.live.places import Place
from agents.live.subscription import Malformed
from agents.live.ticker import Ticker
from agents.live.window import Window

TOO_SLOW_WORDS = (
    "what was sent is not acknowledged: send {'type': 'ack', 'seq': n} for each message"
)


class Program:
    """One program, told in JSON."""

    def __init__(
        self,
        ticker: Ticker,
        tell: Callable[[str], Awaitable[None]],
        part: Callable[[Goodbye], Coroutine[Any, Any, None]],
    ) -> None:
        self._ticker, self._tell, self._part = ticker, tell, part
        self._places: dict[str, Place] = {}
        # Up to where the program knows each topic; its place may have moved on since.
        self._told: dict[str, int] = {}
        self._window = Window()
        self._turn = asyncio.Lock()
        self._alarm: asyncio.TimerHandle | None = None
        self._leaving: asyncio.Task[None] | None = None

    async def subscribe(self, message: Mapping[str, Any], may: Access) -> None:
        """Follow these topics, in the place of others. Raises Goodbye, Malformed."""
        wanted = topics.parse_wanted(message)
        if self._window.full:
            raise Goodbye(TOO_SLOW, "acknowledge what was sent, then subscribe again")
        if words := await self._ticker.read(lambda: refusal(may, wanted)):
            raise Goodbye(MAY_NOT_LOOK, words)
        answers = await self._ticker.begin(wanted)
        async with self._turn:
            self._places = {one.place.topic: one.place for one in answers}
            self._told = {one.place.topic: one.seq for one in answers}
            for one in answers:
                head = {
                    "type": "snapshot" if one.previous is None else "delta",
                    "topic": one.place.topic,
                    "seq": one.seq,
                    "previous": one.previous,
                    "resumed": one.resumed,
                }
                await self._send(head, one.data)

    async def acknowledge(self, message: Mapping[str, Any]) -> None:
        """Everything up to this seq has arrived. Raises Malformed."""
        seq = topics.parse_seq(message)
        if not self._window.acknowledge(seq):
            raise Malformed(f"no message with the seq {seq} was sent")

    def leave(self) -> None:
        """It is sent nothing any more."""
        self._places = {}
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def demand(self) -> None:
        """It is no page."""

    def places(self) -> Collection[Place]:
        """Where it is, unless it has enough to read already."""
        return () if self._window.full else tuple(self._places.values())

    async def deliver(self, edition: Edition) -> None:
        """Send what it is told next, as far as it may be sent anything."""
        if not edition.told:
            return
        async with self._turn:
            for topic, place in tuple(self._places.items()):
                told = edition.told.get(place)
                if told is None:
                    continue
                if self._window.full:
                    return  # Its place has not moved: the rest comes later.
                self._places[topic] = told.after
                for data in told.parts:
                    head = {
                        "type": "delta",
                        "topic": topic,
                        "seq": told.seq,
                        "previous": self._told[topic],
                    }
                    self._told[topic] = told.seq
                    await self._send(head, data)

    async def _send(self, head: Mapping[str, Any], data: str) -> None:
        # The data is the same for all, and long: it is not made again for each.
        text = f'{json.dumps(head)[:-1]}, "data": {data}}}'
        now = asyncio.get_running_loop().time()
        self._window.send(head["seq"], len(text), now)
        self._watch()
        await self._tell(text)

    def _watch(self) -> None:
        until = self._window.patience_until
        if self._alarm is None and until is not None:
            loop = asyncio.get_running_loop()
            self._alarm = loop.call_at(until, self._lose_patience)

    def _lose_patience(self) -> None:
        self._alarm = None
        until = self._window.patience_until
        if until is None or not self._places:
            return
        if until > asyncio.get_running_loop().time():
            self._watch()
            return
        self._leaving = asyncio.create_task(
            self._part(Goodbye(TOO_SLOW, TOO_SLOW_WORDS))
        )
