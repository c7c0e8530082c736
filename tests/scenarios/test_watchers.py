"""Scenario 25: whoever watches slowly, or stops watching, holds up nobody."""

from __future__ import annotations

import asyncio

from agents.live.page import MOST_UNACKNOWLEDGED
from agents.policy.states import Status
from tests.live.case import LiveCase, latest, record, start_run
from tests.live.watching import lines, write


class TestWatchers(LiveCase):
    async def test_25_a_slow_page_is_sent_no_more_until_it_acknowledges_then_everything(
        self,
    ) -> None:
        page = await self.open()
        page.acknowledges = False
        await page.subscribe("agents", ids=[self.agent.pk], after=await latest())
        statuses = [Status.STARTING, Status.RUNNING, Status.STOPPING, Status.STOPPED]
        sent = 0
        for status in statuses * 3:
            await record(self.agent.pk, status, f"told {status}")
            sent += len(await page.quiet(0.25))
        assert sent <= MOST_UNACKNOWLEDGED
        await record(self.agent.pk, Status.STARTING, "the latest")
        assert await page.quiet(0.5) == []
        page.acknowledges = True
        await page.acknowledge()
        assert "the latest" in await page.until("agent-row-", timeout=1.0)
        await page.leave()

    async def test_25_a_slow_page_loses_no_output(self) -> None:
        run = await start_run(self.agent)
        page = await self.open()
        page.acknowledges = False
        logs = {"run": 1, "out": 0, "err": 0}
        await page.subscribe("agent:web", "logs:web", logs=logs)
        seen: list[str] = []
        for at in range(15):
            write(run, "out", b"line %d\n" % at)
            seen += [line for text in await page.quiet(0.15) for line in lines(text)]
        assert len(seen) < 15
        page.acknowledges = True
        await page.acknowledge()
        while "line 14" not in seen:
            seen += lines(await page.until('class="line out">'))
        assert [one for one in seen if one.startswith("line")] == [
            f"line {at}" for at in range(15)
        ]
        await page.leave()

    async def test_25_a_page_that_dies_without_a_word_holds_up_no_other(self) -> None:
        dead, alive = await self.open(), await self.open()
        dead.acknowledges = False
        for page in (dead, alive):
            await page.subscribe("agents", ids=[self.agent.pk], after=await latest())
        for number in range(MOST_UNACKNOWLEDGED + 3):
            status = Status.RUNNING if number % 2 else Status.STARTING
            await record(self.agent.pk, status, f"told {number}")
            await alive.until(f"told {number}", timeout=2.0)
        await alive.leave()
        await dead.leave()

    async def test_25_a_page_that_comes_in_mid_flood_misses_nothing(self) -> None:
        """First the end of what is there, then all that follows, once."""
        run = await start_run(self.agent)
        over = asyncio.Event()

        async def flood() -> None:
            for at in range(200):
                write(run, "out", b"line %d\n" % at)
                await asyncio.sleep(0.002)
            over.set()

        writing = asyncio.create_task(flood())
        page = await self.open()
        logs = {"run": 1, "out": 0, "err": 0}
        await page.subscribe("agent:web", "logs:web", logs=logs)
        seen: list[str] = []
        while "line 199" not in seen:
            seen += lines(await page.until('class="line out">'))
        await writing
        assert over.is_set()
        assert [one for one in seen if one.startswith("line")] == [
            f"line {at}" for at in range(200)
        ]
        await page.leave()
