"""A program with a token, for the tests of the socket."""

from __future__ import annotations

from typing import Any

from tests.live.case import LiveCase
from tests.live.listening import Listener, token_of


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
