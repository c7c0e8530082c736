"""A page that is open: what it shows, and how much it may be behind.

A page acknowledges what it has shown. One that does not is sent nothing more until
it does, and then what it has missed; nothing is ever kept for it here. One that only
subscribes, again and again, would be sent everything each time: it is told goodbye.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

from agents.live import fragments, subscription
from agents.live.closing import TOO_SLOW, Goodbye
from agents.live.demand import Demand, Edition
from agents.live.entry import demand_of
from agents.live.ticker import Ticker

MOST_UNACKNOWLEDGED: Final = 8
# Subscriptions without a word of having shown anything: a list is filtered letter by
# letter, and a page that was paused has let what came go by.
MOST_UNHEARD: Final = 8
MOST_BEFORE: Final = 2**40


class Page:
    """One open page, told in fragments of HTML."""

    def __init__(
        self,
        ticker: Ticker,
        tell: Callable[[str], Awaitable[None]],
        join: Callable[[], None],
    ) -> None:
        self._ticker, self._tell, self._join = ticker, tell, join
        self._shown: Demand | None = None
        self._known = self._seq = 0
        # Frames count on from a number that nobody can name who has read none. What
        # was sent for an earlier subscription needs no acknowledgement, but is heard.
        self._sent = self._acknowledged = self._heard = secrets.randbelow(MOST_BEFORE)
        self._behind = False
        self._unheard = 0
        self._numbers: dict[int, tuple[str, str]] = {}

    async def subscribe(self, message: Mapping[str, Any], *, operator: bool) -> None:
        """Send what the page shows, and from now on what changes of it.

        Raises Goodbye, Malformed.
        """
        wanted = subscription.parse_subscription(message)
        if self._unheard >= MOST_UNHEARD:
            raise Goodbye(TOO_SLOW, "acknowledge what was sent, then subscribe again")
        self._unheard += 1
        self._known, self._seq = wanted.known, wanted.after
        self._acknowledged = self._sent
        self._behind = False
        self._numbers = {}
        self._shown = await self._ticker.read(
            partial(demand_of, wanted, operator=operator)
        )
        # Before the snapshot is read, so that nothing falls in between.
        self._join()
        await self._send_snapshot()

    async def acknowledge(self, message: Mapping[str, Any]) -> None:
        """The page has shown this frame; if it was behind, catch it up."""
        frame = subscription.parse_frame(message)
        if self._heard < frame <= self._sent:
            self._heard, self._unheard = frame, 0
            self._acknowledged = max(self._acknowledged, frame)
        if self._behind and self._acknowledged == self._sent:
            self._behind = False
            await self._send_snapshot()

    def leave(self) -> None:
        """It is sent nothing any more."""
        self._shown = None

    def demand(self) -> Demand | None:
        """What the page shows, unless it is behind."""
        return None if self._behind else self._shown

    def places(self) -> tuple[()]:
        """It is no program."""
        return ()

    async def deliver(self, edition: Edition) -> None:
        """Send the page's part of an edition, or note that it is behind."""
        if self._shown is None or self._behind:
            return
        if self._sent - self._acknowledged >= MOST_UNACKNOWLEDGED:
            self._behind = True
            return
        if html := compose(edition, self._shown, self._known):
            self._seq = edition.seq
            log = self._shown.log
            if log is not None and (step := edition.logs.get(log)):
                self._shown = self._shown.reading(step.after)
            place = self._shown.transcript
            if place is not None and (told := edition.transcripts.get(place)):
                self._shown = self._shown.following(told.after)
            self._sent += 1
            html += fragments.position(self._seq, self._sent)
            await self._tell(html)
        await self._send_numbers(edition)

    async def _send_numbers(self, edition: Edition) -> None:
        shown = self._shown
        numbers = {
            pk: pair
            for pk, pair in edition.numbers.items()
            if shown and pk in shown.ids and self._numbers.get(pk) != pair
        }
        if numbers:
            self._numbers |= numbers
            self._sent += 1
            message = {"type": "numbers", "frame": self._sent, "numbers": numbers}
            await self._tell(json.dumps(message))

    async def _send_snapshot(self) -> None:
        """What the page shows and has not been sent."""
        if self._shown is not None:
            edition = await self._ticker.snapshot(self._shown, self._seq)
            await self.deliver(edition)


def compose(edition: Edition, shown: Demand, known: int) -> str:
    """A page's part of an edition, with what only this page needs."""
    html = edition.for_page(shown)
    if edition.ids is not None and (shown.overview or shown.agents or shown.registry):
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
