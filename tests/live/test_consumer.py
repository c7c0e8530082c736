"""The socket: who is let in, what a page is sent, and one that does not listen."""

from __future__ import annotations

import json
import re
from pathlib import Path
from unittest.mock import patch

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import User

from agents.live import ticker as ticking
from agents.models import Agent
from agents.policy.states import Action, Status
from agents.services import changes, lifecycle
from agents.services.lifecycle import Asker
from agents.supervisor.lock import NodeLock
from tests.harness.people import make_member, make_person
from tests.live.case import (
    LiveCase,
    end_run,
    latest,
    new_agent,
    record,
    signed_in,
    start_run,
)
from tests.live.watching import OpenPage, lines, write


class TestTheDoor(LiveCase):
    async def test_a_stranger_is_closed_out(self) -> None:
        page = await OpenPage(None).connect()
        assert await page.closing() == 4401

    async def test_a_person_without_view_is_closed_out(self) -> None:
        nobody = await sync_to_async(make_person)("nobody")
        page = await OpenPage(nobody).connect()
        assert await page.closing() == 4403

    async def test_nonsense_closes_the_socket(self) -> None:
        for text in (
            "no json",
            '{"type": "sing"}',
            '{"type": "subscribe", "topics": 1}',
        ):
            page = await self.open()
            await page.socket.send_to(text_data=text)
            assert await page.closing() == 4400

    async def test_a_disabled_person_is_closed_out_while_looking(self) -> None:
        with patch.object(ticking, "ACCESS_EVERY", 0.1):
            page = await self.open()
            await page.subscribe("agents", ids=[self.agent.pk])
            await page.until("live-seq")
            await User.objects.filter(pk=self.bob.pk).aupdate(is_active=False)
            assert await page.closing() == 4401

    async def test_who_signs_out_elsewhere_is_closed_out(self) -> None:
        session = await signed_in(self.bob)
        with patch.object(ticking, "ACCESS_EVERY", 0.1):
            page = await OpenPage(self.bob, session).connect()
            await page.subscribe("agents", ids=[self.agent.pk])
            await page.until("live-seq")
            await session.aflush()
            assert await page.closing() == 4401


class TestWhatAPageIsSent(LiveCase):
    async def test_first_everything_it_shows(self) -> None:
        page = await self.open()
        await page.subscribe("agents", ids=[self.agent.pk])
        first = await page.frame()
        assert f'<tr id="agent-row-{self.agent.pk}"' in first
        assert '<table><tbody><tr id="agent-row-' in first
        assert 'id="count-stopped" hx-swap-oob="true">1<' in first
        assert page.seq == await latest()
        await page.leave()

    async def test_only_what_is_new_if_it_says_where_it_is(self) -> None:
        other = await new_agent("other")
        page = await self.open()
        after = await latest()
        await record(other.pk, Status.STARTING)
        ids = [self.agent.pk, other.pk]
        await page.subscribe("agents", ids=ids, after=after)
        first = await page.frame()
        assert f"agent-row-{other.pk}" in first
        assert f"agent-row-{self.agent.pk}" not in first
        await page.leave()

    async def test_a_change_within_a_second(self) -> None:
        page = await self.open()
        await page.subscribe("agents", ids=[self.agent.pk], after=await latest())
        await page.frame()
        await record(self.agent.pk, Status.STARTING, "start asked")
        text = await page.until("agent-row-", timeout=1.0)
        assert 'data-status="starting" hx-swap-oob="true"' in text
        assert "start asked" in text
        await page.leave()

    async def test_a_request_before_anybody_acts_on_it(self) -> None:
        page = await self.open()
        await page.subscribe("agents", ids=[self.agent.pk], after=await latest())
        await page.frame()
        asker = Asker("bob", "page")
        await sync_to_async(lifecycle.ask)(Action.START, [self.agent.pk], asker)
        assert "start asked by bob" in await page.until("agent-row-", timeout=1.0)
        await page.leave()

    async def test_nothing_of_agents_it_does_not_show(self) -> None:
        other = await new_agent("other")
        page = await self.open()
        await page.subscribe("agents", ids=[self.agent.pk], after=await latest())
        await page.frame()
        await record(other.pk, Status.STARTING)
        text = await page.until('count-starting" hx-swap-oob="true">1', timeout=1.0)
        assert "agent-row-" not in text
        await page.leave()

    async def test_new_and_removed_agents_are_offered_and_not_inserted(self) -> None:
        gone = await new_agent("gone")
        page = await self.open()
        ids = [self.agent.pk, gone.pk]
        await page.subscribe("agents", ids=ids, known=gone.pk, after=await latest())
        await page.frame()
        new = await new_agent("new")
        text = await page.until("1 new agent")
        assert f"agent-row-{new.pk}" not in text
        await sync_to_async(gone.delete)()
        await sync_to_async(changes.append)(changes.AGENT, ids)
        await page.until("1 new agent, 1 removed")
        await page.leave()

    async def test_the_overview_counts_problems_and_tiles(self) -> None:
        page = await self.open()
        await page.subscribe("overview", ids=[self.agent.pk], after=await latest())
        await page.frame()
        run = await start_run(self.agent)
        await page.until('class="big">1<')
        await end_run(run, Status.CRASHED, 3, "exited with 3")
        text = await page.until('class="big">0<', timeout=1.0)
        assert f'id="agent-tile-{self.agent.pk}"' in text
        assert f'id="problem-{self.agent.pk}"' in text
        assert 'id="lately"' in text
        await page.leave()

    async def test_a_hub_that_waits_for_its_database_until_it_does_no_more(
        self,
    ) -> None:
        """Nothing is written into the database: an open page hears of it anyway."""
        lock = NodeLock("local")
        lock.take()
        self.addCleanup(lock.release)
        page = await self.open()
        await page.subscribe("overview", after=await latest())
        lock.say(degraded={"since": "2026-01-02T03:04:05Z", "reason": "it is locked"})
        frame = await page.until("The hub is degraded")
        assert "the database does not answer (it is locked)" in frame
        assert "02 Jan 2026, 03:04:05 UTC" in frame
        lock.say()
        await page.until('id="supervisor" hx-swap-oob="true"></div>')
        await page.leave()

    async def test_an_agents_page(self) -> None:
        page = await self.open()
        await page.subscribe("agent:web", after=await latest())
        first = await page.frame()
        for part in ("status", "actions", "runs", "history", "requests"):
            assert f'id="agent-{part}"' in first
        await record(self.agent.pk, Status.STARTING, "start asked")
        text = await page.until('id="agent-status"[^>]*data-status="starting"')
        assert "start asked" in text
        await page.leave()

    async def test_buttons_only_for_who_may_operate(self) -> None:
        vera = await sync_to_async(make_member)("vera")
        viewer, operator = await self.open(vera), await self.open()
        for page in (viewer, operator):
            await page.subscribe("agents", "agent:web", ids=[self.agent.pk])
            await page.frame()
        await record(self.agent.pk, Status.STARTING)
        assert 'value="start"' not in await viewer.until("agent-row-")
        assert 'value="start"' in await operator.until("agent-row-")
        await viewer.leave()
        await operator.leave()

    async def test_cpu_and_memory_as_numbers(self) -> None:
        page = await self.open()
        await page.subscribe("agents", ids=[self.agent.pk])
        await page.until("numbers")
        await Agent.objects.filter(pk=self.agent.pk).aupdate(
            cpu_percent=42.0, rss_bytes=10_000_000
        )
        text = await page.until("42 %")
        assert json.loads(text)["numbers"] == {str(self.agent.pk): ["42 %", "9.5 MB"]}
        await page.leave()

    async def test_a_deleted_agents_page_says_so(self) -> None:
        page = await self.open()
        await page.subscribe("agent:web", after=await latest())
        await page.frame()
        pk = self.agent.pk
        await sync_to_async(self.agent.delete)()
        await sync_to_async(changes.append)(changes.AGENT, [pk])
        await page.until("has been deleted")
        await page.leave()

    async def test_what_people_wrote_is_escaped(self) -> None:
        page = await self.open()
        await page.subscribe("overview", "agents", "agent:web", ids=[self.agent.pk])
        await page.frame()
        await record(self.agent.pk, Status.STARTING, "<script>alert(1)</script>")
        text = await page.until("agent-row-")
        assert "&lt;script&gt;" in text
        assert "<script" not in text
        await page.leave()


class TestOutput(LiveCase):
    async def watch(self, run: int = 0, out: int = 0, err: int = 0) -> OpenPage:
        page = await self.open()
        logs = {"run": run, "out": out, "err": err}
        await page.subscribe("agent:web", "logs:web", logs=logs, after=await latest())
        return page

    async def test_goes_on_exactly_where_the_page_is(self) -> None:
        run = await start_run(self.agent)
        write(run, "out", b"old\nnew\n")
        page = await self.watch(1, out=4)
        assert lines(await page.until('class="line')) == ["new"]
        write(run, "out", b"newer\nunfini")
        text = await page.until('class="line out">newer')
        assert '<div id="output-partial-out" class="line out partial"' in text
        assert ">unfini<" in text
        write(run, "out", b"shed\n")
        assert lines(await page.until("unfinished")) == ["unfinished"]
        write(run, "err", b"oh\n")
        text = await page.until('class="line err">oh')
        assert 'data-run="1" data-out="25" data-err="3"' in text
        await page.leave()

    async def test_reaches_the_page_quickly(self) -> None:
        run = await start_run(self.agent)
        page = await self.watch(1)
        await page.until("live-seq")
        write(run, "out", b"quick\n")
        await page.until("quick", timeout=0.6)
        await page.leave()

    async def test_is_escaped(self) -> None:
        run = await start_run(self.agent)
        page = await self.watch(1)
        write(run, "out", b"<script>alert(1)</script>\n")
        text = await page.until("alert")
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
        assert "<script" not in text
        await page.leave()

    async def test_a_flood_is_skipped_forward_and_says_so(self) -> None:
        run = await start_run(self.agent)
        page = await self.watch(1)
        await page.until("live-seq")
        flood = b"".join(b"line %07d\n" % at for at in range(1_000_000))
        write(run, "out", flood)
        seen: list[str] = []
        while not seen or seen[-1] != "line 0999999":
            text = await page.until('class="line')
            assert len(text) < 200_000
            seen += lines(text)
        assert re.match(r"… 1[123] MB skipped · download all of it", seen[0])
        assert len(seen) < 3_000
        await page.leave()

    async def test_switches_to_a_new_run_after_the_last_line_of_the_old(self) -> None:
        run = await start_run(self.agent)
        page = await self.watch(1)
        write(run, "out", b"first\nlast words")
        await page.until("last words")
        await end_run(run, Status.CRASHED, 1, "exited with 1")
        second = await start_run(self.agent)
        write(second, "out", b"again\n")
        seen: list[str] = []
        while "again" not in seen:
            seen += lines(await page.until('class="line'))
        assert seen[0] == "last words"
        assert seen[1].startswith("Run 2 began")
        assert seen[2] == "again"
        await page.leave()

    async def test_begins_with_the_first_run_of_a_page_opened_before_it(self) -> None:
        page = await self.watch(0)
        await page.until("live-seq")
        run = await start_run(self.agent)
        write(run, "out", b"hello\n")
        await page.until("Run 1 began")
        await page.until("hello")
        await page.leave()

    async def test_something_else_in_the_place_of_the_file_hurts_nobody(self) -> None:
        run = await start_run(self.agent)
        write(run, "out", b"")
        write(run, "err", b"")
        page = await self.watch(1)
        await page.until("live-seq")
        out = Path(settings.AGENTHUB_DATA_DIR) / "runs" / run.folder / "out"
        out.unlink()
        out.symlink_to("/etc/passwd")
        await record(self.agent.pk, Status.STOPPING, "still told")
        text = await page.until("still told")
        assert "root:" not in text
        await page.leave()
