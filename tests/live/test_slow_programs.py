"""Programs that do not keep up: sent no more than they may have, caught up when they
read on, and told goodbye when they do not."""

from __future__ import annotations

import asyncio
import json
from unittest.mock import patch

from agents.policy.states import Status
from tests.live.case import end_run, record, start_run
from tests.live.listening import Listener
from tests.live.program_case import ProgramCase, history
from tests.live.watching import write


class TestOneThatDoesNotAcknowledge(ProgramCase):
    async def test_is_told_goodbye_and_why(self) -> None:
        with patch("agents.live.window.PATIENCE", 0.5):
            program = await self.listen("agents")
            begun = asyncio.get_running_loop().time()
            code, reason = await program.closing()
            waited = asyncio.get_running_loop().time() - begun
        assert code == 4408
        assert "not acknowledged" in reason
        assert 0.4 < waited < 2.0

    async def test_nobody_waits_for_it(self) -> None:
        deaf = await self.listen("agents")
        program = await self.listen("agents")
        await program.message()
        await record(self.agent.pk, Status.STARTING)
        await program.message(timeout=1.0)
        await deaf.leave()
        await program.leave()

    async def test_one_that_acknowledges_stays_however_long_nothing_happens(
        self,
    ) -> None:
        with patch("agents.live.window.PATIENCE", 0.3):
            program = await self.listen("agents")
            await program.message()
            await asyncio.sleep(1.0)
            await record(self.agent.pk, Status.STARTING)
            await program.message()
        await program.leave()

    async def test_is_sent_only_so_much_and_then_what_it_missed(self) -> None:
        with patch("agents.live.window.MOST_MESSAGES", 3):
            program = await Listener(self.token).connect()
            program.acknowledges = False
            await program.subscribe("agents")
            await program.message()
            run = await start_run(self.agent)
            for _ in range(2):
                await program.message()
                await end_run(run, Status.STOPPED, 0, "stop asked")
                run = await start_run(self.agent)
            await asyncio.sleep(0.6)
            assert program.socket.output_queue.empty()
            program.acknowledges = True
            await program.send(type="ack", seq=program.seq["agents"])
            written = await history()
            told = await self.told(program, len(written))
        assert told == written
        await program.leave()

    async def told(self, program: Listener, count: int) -> list[object]:
        told = [
            line
            for message in program.messages
            if message["type"] == "delta"
            for line in message["data"]["history"]
        ]
        while len(told) < count:
            told += (await program.message())["data"]["history"]
        return told

    async def test_output_waits_in_its_file(self) -> None:
        run = await start_run(self.agent)
        with patch("agents.live.window.MOST_TEXT", 200_000):
            program = await Listener(self.token).connect()
            program.acknowledges = False
            await program.subscribe("logs:web", logs={"web": {"run": 0}})
            flood = b"".join(b"line %06d\n" % at for at in range(100_000))
            write(run, "out", flood)
            await asyncio.sleep(1.5)
            on_its_way = program.socket.output_queue.qsize()
            assert on_its_way <= 6, "its window is 200 kB, and a piece is 64"
            program.acknowledges = True
            came = 0
            while came < len(flood):
                data = (await program.message())["data"]
                assert data.get("offset", came) == came
                came = data.get("next_offset", came)
        await program.leave()

    async def test_may_not_subscribe_again_instead(self) -> None:
        with patch("agents.live.window.MOST_MESSAGES", 1):
            program = await self.listen("agents")
            await program.subscribe("agents")
            code, reason = await program.closing()
        assert (code, "acknowledge" in reason) == (4408, True)


class TestAPageIsNotHurried(ProgramCase):
    async def test_it_is_sent_nothing_more_and_stays(self) -> None:
        with patch("agents.live.window.PATIENCE", 0.3):
            page = await self.open()
            page.acknowledges = False
            await page.subscribe("agents", ids=[self.agent.pk])
            await page.frame()
            await asyncio.sleep(1.0)
            page.acknowledges = True
            await record(self.agent.pk, Status.STARTING)
            assert "starting" in await page.until('data-status="starting"')
        await page.leave()

    async def test_one_that_only_subscribes_again_is_closed(self) -> None:
        """It would be sent all it shows each time, and reads nothing."""
        page = await self.open()
        page.acknowledges = False
        for _ in range(9):
            await page.subscribe("agents", ids=[self.agent.pk])
        assert await page.closing() == 4408

    async def test_nor_does_it_help_to_acknowledge_what_was_never_read(self) -> None:
        page = await self.open()
        page.acknowledges = False
        for _ in range(9):
            await page.subscribe("agents", ids=[self.agent.pk])
            for frame in (1, 2, 10**9, 2**52):
                await page.send(type="ack", frame=frame)
        assert await page.closing() == 4408

    async def test_one_that_acknowledges_may_subscribe_as_often_as_it_likes(
        self,
    ) -> None:
        page = await self.open()
        for _ in range(20):
            await page.subscribe("agents", ids=[self.agent.pk])
            await page.frame()
        # The last acknowledgement has arrived before this.
        await record(self.agent.pk, Status.STARTING)
        await page.until('data-status="starting"')
        await page.leave()

    async def test_one_that_was_paused_goes_on(self) -> None:
        """It has let what came go by, and subscribes with where it is."""
        page = await self.open()
        await page.subscribe("agents", ids=[self.agent.pk])
        await page.frame()
        page.acknowledges = False
        seq = page.seq
        for number in range(12):
            await record(self.agent.pk, Status.STARTING, f"start {number}")
            await page.quiet(0.25)
        page.acknowledges = True
        await page.subscribe("agents", ids=[self.agent.pk], after=seq)
        await page.until("start 11")
        await page.leave()

    async def test_it_may_become_a_program(self) -> None:
        page = await self.open()
        await page.subscribe("agents", ids=[self.agent.pk])
        await page.frame()
        await page.send(type="subscribe", topics=["agents"])
        text = ""
        while not text.startswith('{"type": "s'):
            text = str(await page.socket.receive_from(5))
        assert json.loads(text)["type"] == "snapshot"
        await page.leave()
