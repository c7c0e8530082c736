"""A program with a token, for the tests of the socket."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async

from agents.models import StatusChange
from agents.services.shapes import status_change_shape
from tests.live.case import LiveCase
from tests.live.listening import Listener, token_of


@sync_to_async
def history(name: str = "") -> list[Any]:
    lines = StatusChange.objects.order_by("pk").select_related("run")
    named = lines.filter(agent_name=name) if name else lines
    return [status_change_shape(line) for line in named]


class ProgramCase(LiveCase):
    """A program with a token of Bob's."""

    token: str

    def setUp(self) -> None:
        super().setUp()
        self.token = token_of(self.bob)

    async def listen(self, *topics: str, **more: Any) -> Listener:
        program = await Listener(self.token).connect()
        await program.subscribe(*topics, **more)
        return program
