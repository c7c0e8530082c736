"""Programs at the socket's door: whose token counts, and what is refused in words."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import patch

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.utils import timezone

from agents.live import ticker as ticking
from agents.models import ApiToken
from tests.live.listening import Listener
from tests.live.program_case import ProgramCase


class TestTheDoor(ProgramCase):
    async def test_a_token_that_is_not_known_is_told_so_and_closed_out(self) -> None:
        program = await Listener("ahp_nonsense", self.bob).connect()
        code, reason = await program.closing()
        assert code == 4401
        assert "token" in reason

    async def test_who_tries_many_tokens_has_to_wait(self) -> None:
        codes = []
        for number in range(40):
            program = Listener(f"ahp_{number}")
            scope: Any = program.socket.scope
            scope["client"] = ("203.0.113.7", 5)
            codes.append((await (await program.connect()).closing())[0])
        assert codes[0] == 4401
        assert codes[-1] == 4429

    async def test_one_that_is_revoked_while_it_listens(self) -> None:
        with patch.object(ticking, "ACCESS_EVERY", 0.1):
            program = await self.listen("agents")
            await program.message()
            await ApiToken.objects.aupdate(revoked_at=timezone.now())
            assert (await program.closing())[0] == 4401

    async def test_who_may_not_look_any_more(self) -> None:
        with patch.object(ticking, "ACCESS_EVERY", 0.1):
            program = await self.listen("agents")
            await program.message()
            person = await User.objects.aget(pk=self.bob.pk)
            await sync_to_async(person.user_permissions.clear)()
            code, reason = await program.closing()
            assert (code, "may not look" in reason) == (4403, True)

    async def test_nonsense_is_answered_in_words(self) -> None:
        for message, words in (
            ({"type": "sing"}, "there is no message 'sing'"),
            ({"type": "subscribe", "topics": ["web"]}, "there is no topic 'web'"),
            ({"type": "subscribe", "topics": []}, "topics are a list"),
            ({"type": "subscribe", "topics": ["task:77"]}, "there is no task 77"),
            ({"type": "subscribe", "format": "xml"}, "a format is json or html"),
            (
                {"type": "subscribe", "topics": ["agents"], "afer": 3},
                "there is no field 'afer'",
            ),
        ):
            program = await Listener(self.token).connect()
            await program.send(**message)
            code, reason = await program.closing()
            assert code == 4400
            assert words in reason

    async def test_acknowledging_what_was_never_sent(self) -> None:
        program = await self.listen("agents")
        first = await program.message()
        await program.send(type="ack", seq=first["seq"] + 1)
        assert (await program.closing())[0] == 4400

    async def test_one_that_subscribes_without_end(self) -> None:
        program = await self.listen("agents")
        for _ in range(40):
            await program.subscribe("agents", after=1)
            await asyncio.sleep(0)
        code, reason = await program.closing()
        assert (code, "too many" in reason) == (4429, True)
