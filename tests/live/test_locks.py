"""Open pages of locks: told of each change, and of nothing else."""

from __future__ import annotations

from itertools import chain, repeat
from typing import Any
from unittest.mock import DEFAULT, patch

from asgiref.sync import sync_to_async
from django.utils import timezone

from agents.live import rendering
from agents.live import ticker as ticking
from agents.models import Agent, LockClaim
from agents.policy.lease import Lease
from agents.policy.states import Status
from agents.services import leases, locks
from tests.harness.locking import claimed
from tests.harness.outside import silent_for
from tests.harness.people import make_member
from tests.harness.recorded import passing
from tests.live.case import LiveCase, latest, make_agent
from tests.live.watching import OpenPage

LIST = '<div id="locks"'


@sync_to_async
def take(agent: Agent, *patterns: str, **more: Any) -> int:
    return claimed(agent, *patterns, **more).pk


@sync_to_async
def release(claim: int) -> None:
    locks.release([claim], "done")


class TestThePageOfLocks(LiveCase):
    """Bob may operate; Vera only looks."""

    def setUp(self) -> None:
        super().setUp()
        self.other = make_agent("api")
        self.vera = make_member("vera")

    async def watch(self, person: Any = None) -> OpenPage:
        page = await self.open(person)
        await page.subscribe("locks", after=await latest())
        await page.until(LIST)
        return page

    async def test_a_lock_appears_and_goes_within_a_second(self) -> None:
        page = await self.watch()
        first = await take(self.agent, "src/**")
        text = await page.until(f'id="claim-{first}"', timeout=1.0)
        assert "src/**" in text and "Steal…" in text
        second = await take(self.other, "src/a.py")
        await page.until(f'href="#claim-{second}"', timeout=1.0)
        await release(first)
        text = await page.until(f'id="claim-{second}"', timeout=1.0)
        assert f'id="claim-{first}"' not in text
        await release(second)
        await page.until("Nobody has a lock", timeout=1.0)
        await page.leave()

    async def test_who_may_only_look_is_sent_no_buttons(self) -> None:
        page, other = await self.watch(self.vera), await self.watch()
        await take(self.agent, "a")
        assert "Steal…" not in await page.until('class="claim"', timeout=1.0)
        assert "Steal…" in await other.until('class="claim"', timeout=1.0)
        for one in (page, other):
            await one.leave()

    async def test_what_is_no_news_of_locks_is_not_told(self) -> None:
        claim = await take(self.agent, "a")
        page = await self.watch()
        # The first change after a page has come tells all of them once.
        await sync_to_async(passing)(self.other.pk, Status.STARTING)
        await page.quiet(1.0)
        await sync_to_async(passing)(self.other.pk, Status.RUNNING)
        assert [text for text in await page.quiet(1.0) if LIST in text] == []
        await release(claim)
        await page.until("Nobody has a lock", timeout=1.0)
        await page.leave()

    async def test_a_page_that_comes_between_two_changes_is_told_of_the_second(
        self,
    ) -> None:
        first = await self.watch()
        claim = await take(self.agent, "a")
        second = await self.watch()
        await release(claim)
        for page in (first, second):
            await page.until("Nobody has a lock", timeout=1.0)
            await page.leave()

    async def test_what_an_error_beside_it_has_kept_back_is_told_after_it(self) -> None:
        page = await self.watch()
        # One that comes first, so that this page is not the newest.
        await take(self.other, "b")
        await page.until('class="claim"', timeout=1.0)
        await page.quiet(0.5)
        once = chain([RuntimeError("once")], repeat(DEFAULT))
        with (
            patch.object(ticking, "PERIOD_AFTER_ERROR", 0.1),
            patch.object(rendering, "tasks", wraps=rendering.tasks, side_effect=once),
            self.assertLogs("agents.live.ticker", "WARNING"),
        ):
            claim = await take(self.other, "a")
            await page.until(f'id="claim-{claim}"', timeout=2.0)
        await page.leave()

    async def test_a_lease_that_is_renewed_is_told_and_one_that_runs_out_ends(
        self,
    ) -> None:
        claim = await take(self.agent, "a", lease=60.0)
        with (
            patch("agents.live.editor.NUMBERS_EVERY", 0.2),
            patch("agents.live.editor.SILENCE_EVERY", 0.2),
        ):
            page = await self.watch()
            until = await sync_to_async(self.renew)(claim)
            await page.until(f'datetime="{until}', timeout=2.0)
            await sync_to_async(self.fall_silent)(claim)
            await page.until("Nobody has a lock", timeout=2.0)
            await page.leave()

    def renew(self, claim: int) -> str:
        lease = Lease.begin(600.0)
        LockClaim.objects.filter(pk=claim).update(**leases.columns(lease))
        assert lease.until > timezone.now()
        return f"{lease.until:%Y-%m-%dT%H:%M:%S}"

    def fall_silent(self, claim: int) -> None:
        run = LockClaim.objects.get(pk=claim).run
        assert run is not None
        silent_for(run, 700.0)
