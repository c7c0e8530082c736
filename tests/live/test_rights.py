"""Rights that end while the socket is open: it is closed, and tells nothing more."""

from __future__ import annotations

from unittest.mock import patch

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone

from agents.live import ticker as ticking
from agents.models import ApiToken
from agents.policy.states import Status
from agents.services import tokens
from tests.live.case import record, signed_in
from tests.live.program_case import ProgramCase
from tests.live.watching import OpenPage


@sync_to_async
def revoke_all() -> None:
    for token in ApiToken.objects.all():
        tokens.revoke(token, by="a test")


@sync_to_async
def may_look_no_more(person: User) -> None:
    person.user_permissions.clear()


@sync_to_async
def expire() -> None:
    Session.objects.update(expire_date=timezone.now())


@sync_to_async
def new_password(person: User) -> None:
    person.set_password("another one")
    person.save(update_fields=["password"])


class TestOneThatSubscribesAgain(ProgramCase):
    async def test_is_told_nothing_once_its_token_is_revoked(self) -> None:
        program = await self.listen("agents")
        await program.message()
        await revoke_all()
        await program.subscribe("agents")
        bye = await program.message()
        assert (bye["type"], bye.get("code")) == ("bye", 4401)

    async def test_nor_once_its_person_may_not_look(self) -> None:
        program = await self.listen("agents")
        await program.message()
        await may_look_no_more(self.bob)
        await program.subscribe("agent:web")
        bye = await program.message()
        assert (bye["type"], bye.get("code")) == ("bye", 4403)

    async def test_is_served_while_it_may_look(self) -> None:
        program = await self.listen("agents")
        await program.message()
        await program.subscribe("agent:web")
        assert (await program.message())["topic"] == "agent:web"
        await program.leave()


class TestOneThatListens(ProgramCase):
    async def open_page(self) -> OpenPage:
        page = await OpenPage(self.bob, await signed_in(self.bob)).connect()
        await page.subscribe("agents", ids=[self.agent.pk])
        await page.frame()
        return page

    async def test_is_closed_when_its_session_has_expired(self) -> None:
        with patch.object(ticking, "ACCESS_EVERY", 0.2):
            page = await self.open_page()
            await expire()
            assert await page.closing() == 4401

    async def test_is_closed_when_its_person_has_another_password(self) -> None:
        with patch.object(ticking, "ACCESS_EVERY", 0.2):
            page = await self.open_page()
            await new_password(self.bob)
            assert await page.closing() == 4401

    async def test_stays_while_nothing_has_changed(self) -> None:
        with patch.object(ticking, "ACCESS_EVERY", 0.1):
            page = await self.open_page()
            await page.quiet(0.5)
        await record(self.agent.pk, Status.STARTING)
        await page.until('data-status="starting"')
        await page.leave()
