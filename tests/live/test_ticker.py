"""The ticker: one for all pages, from the first to the last, and over errors."""

from __future__ import annotations

import asyncio
import threading
from itertools import chain, groupby, repeat
from typing import Any
from unittest.mock import DEFAULT, patch

from django.db import OperationalError
from django.utils import timezone

from agents.live import rendering
from agents.live import ticker as ticking
from agents.live.access import access
from agents.live.editor import Editor
from agents.live.ticker import Ticker
from agents.models import Node
from agents.policy.states import Status
from agents.services.nodes import LEASE
from tests.live.case import LiveCase, latest, record, start_run


class TestTheTicker(LiveCase):
    async def test_it_begins_with_the_first_page_and_ends_with_the_last(self) -> None:
        one, two = await self.open(), await self.open()

        def running() -> int:
            return sum(task.get_name() == "live ticker" for task in asyncio.all_tasks())

        assert running() == 0
        for page in (one, two):
            await page.subscribe("agents", ids=[self.agent.pk])
            await page.frame()
        assert running() == 1
        await one.leave()
        assert running() == 1
        await two.leave()
        await asyncio.sleep(0)
        assert running() == 0

    async def test_it_forgets_a_page_whose_server_is_stopped(self) -> None:
        page = await self.open()
        await page.subscribe("agents", ids=[self.agent.pk])
        await page.frame()
        subscribers = Ticker.of_this_loop()._subscribers
        assert len(subscribers) == 1
        # As Daphne ends consumers on SIGTERM: cancelled, without a disconnect.
        page.socket.future.cancel()
        await asyncio.wait([page.socket.future])
        assert not subscribers

    async def test_each_fragment_is_rendered_once_for_all_pages(self) -> None:
        pages = [await self.open() for _ in range(5)]
        after = await latest()
        for page in pages:
            await page.subscribe("agents", ids=[self.agent.pk], after=after)
            await page.frame()
        with patch(
            "agents.live.rendering.fragments.row", return_value="<tr id='row'></tr>"
        ) as rendered:
            await record(self.agent.pk, Status.STARTING)
            for page in pages:
                await page.until("id='row'")
        assert rendered.call_count == 1
        for page in pages:
            await page.leave()

    async def test_it_calls_agents_of_a_silent_node_unknown(self) -> None:
        await start_run(self.agent)
        page = await self.open()
        await page.subscribe("agents", ids=[self.agent.pk])
        await page.frame()
        await Node.objects.all().aupdate(lease=timezone.now() - LEASE)
        await page.until('data-status="unknown"', timeout=8.0)
        if "No supervisor is running" not in "".join(page.frames):
            await page.until("No supervisor is running")
        await page.leave()

    async def test_it_tells_after_an_error_what_could_not_be_told(self) -> None:
        once = chain([RuntimeError("once")], repeat(DEFAULT))
        page = await self.open()
        await page.subscribe("agents", ids=[self.agent.pk], after=await latest())
        await page.frame()
        with (
            patch.object(ticking, "PERIOD_AFTER_ERROR", 0.1),
            patch.object(rendering, "lists", wraps=rendering.lists, side_effect=once),
            self.assertLogs("agents.live.ticker", "WARNING"),
        ):
            await record(self.agent.pk, Status.STARTING)
            await page.until('data-status="starting"')
        await page.leave()

    async def test_what_can_never_be_told_does_not_keep_back_what_comes_later(
        self,
    ) -> None:
        page = await self.open()
        await page.subscribe("agents", ids=[self.agent.pk], after=await latest())
        await page.frame()
        with (
            patch.object(ticking, "PERIOD_AFTER_ERROR", 0.1),
            self.assertLogs("agents.live.ticker", "WARNING") as told,
        ):
            with patch.object(rendering, "lists", side_effect=RuntimeError("always")):
                await record(self.agent.pk, Status.STARTING)
                async with asyncio.timeout(5):
                    while len(told.records) < 2:
                        await asyncio.sleep(0.01)
            await record(self.agent.pk, Status.RUNNING)
            await page.until('data-status="running"')
        assert len(told.records) == 2
        await page.leave()

    async def test_it_goes_on_while_nothing_of_it_can_be_made(self) -> None:
        """As when the database fails from its first look on, and at each repair."""
        page = await self.open()
        broken = threading.Event()

        def made() -> Editor:
            if broken.is_set():
                raise OperationalError("unable to open database file")
            return Editor()

        with (
            patch.object(ticking, "Editor", made),
            patch.object(ticking, "PERIOD_AFTER_ERROR", 0.05),
            self.assertLogs("agents.live.ticker", "WARNING") as told,
        ):
            await page.subscribe("agents", ids=[self.agent.pk], after=await latest())
            await page.frame()
            broken.set()
            ticker = Ticker.of_this_loop()
            await ticker.read(lambda: setattr(ticker, "_editor", None))
            async with asyncio.timeout(5):
                while len(told.records) < 3:
                    await asyncio.sleep(0.01)
            broken.clear()
            # Once an editor is made again: it looks at what comes after that.
            await ticker.read(lambda: ticker._edit())
            await record(self.agent.pk, Status.STARTING)
            await page.until('data-status="starting"')
        await page.leave()

    async def test_a_page_that_comes_as_the_last_one_goes_has_the_same_editor(
        self,
    ) -> None:
        """Another would begin to look at a later place than where the page is."""
        one, two = await self.open(), await self.open()
        with patch.object(ticking, "Editor", wraps=Editor) as made:
            await one.subscribe("agents", ids=[self.agent.pk])
            await one.frame()
            await one.leave()
            await two.subscribe("agents", ids=[self.agent.pk])
            await two.frame()
            await record(self.agent.pk, Status.STARTING)
            await two.until('data-status="starting"')
        assert made.call_count == 1
        await two.leave()

    async def test_nothing_of_it_is_left_when_the_last_socket_has_closed(self) -> None:
        one, two = await self.open(), await self.open()
        await one.subscribe("agents", ids=[self.agent.pk])
        await one.frame()
        ticker = Ticker.of_this_loop()
        thread = await ticker.read(threading.current_thread)
        await one.leave()
        assert thread.is_alive()
        await two.leave()
        await asyncio.to_thread(thread.join, 5)
        assert not thread.is_alive()

    async def test_news_come_between_the_looks_at_who_may_still_look(self) -> None:
        seen: list[str] = []
        look = Editor.look

        def slowly(*asked: Any) -> Any:
            threading.Event().wait(0.05)
            seen.append("may look")
            return access(*asked)

        def noted(*asked: Any) -> Any:
            seen.append("news")
            return look(*asked)

        with (
            patch.object(ticking, "ACCESS_EVERY", 0.2),
            patch("agents.live.consumer.access", slowly),
            patch.object(Editor, "look", noted),
        ):
            pages = [await self.open() for _ in range(8)]
            for page in pages:
                await page.subscribe("agents", ids=[self.agent.pk])
                await page.frame()
            seen.clear()
            async with asyncio.timeout(20):
                while seen.count("may look") < 32:
                    await asyncio.sleep(0.05)
        in_a_row = (len(list(same)) for what, same in groupby(seen) if what != "news")
        assert max(in_a_row) < len(pages), seen
        for page in pages:
            await page.leave()

    async def test_who_cannot_be_looked_up_stays_and_others_are_looked_up(self) -> None:
        """As while the database does not answer: it is no word against anybody."""
        page = await self.open()
        failing = OperationalError("database is locked")
        with patch.object(ticking, "ACCESS_EVERY", 0.05):
            await page.subscribe("agents", ids=[self.agent.pk], after=await latest())
            await page.frame()
            with (
                patch("agents.live.consumer.access", side_effect=failing) as asked,
                self.assertLogs("agents.live.ticker", "WARNING"),
            ):
                async with asyncio.timeout(5):
                    while asked.call_count < 3:
                        await asyncio.sleep(0.01)
        await record(self.agent.pk, Status.STARTING)
        await page.until('data-status="starting"')
        await page.leave()
