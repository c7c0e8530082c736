"""The ticker: one for all pages, from the first to the last, and over errors."""

from __future__ import annotations

import asyncio
from unittest.mock import patch

from django.utils import timezone

from agents.live import ticker as ticking
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

    async def test_it_goes_on_after_an_error(self) -> None:
        page = await self.open()
        await page.subscribe("agents", ids=[self.agent.pk], after=await latest())
        await page.frame()
        with (
            patch("agents.live.rendering.lists", side_effect=RuntimeError("once")),
            self.assertLogs("agents.live.ticker", "WARNING"),
        ):
            await record(self.agent.pk, Status.STARTING)
            await asyncio.sleep(0.5)
        with patch.object(ticking, "PERIOD_AFTER_ERROR", 0.1):
            await record(self.agent.pk, Status.RUNNING)
            await page.until('data-status="running"')
        await page.leave()
