"""The clients of providers: one for each endpoint, made in a thread, closed with all.

Making the first of a kind imports an SDK, which takes seconds and up to 70 MB.
"""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Final

from agents.llm.endpoint import Endpoint, Kind
from agents.llm.provider import Provider

_PROVIDERS: Final = {
    Kind.ANTHROPIC: ("anthropic", "Anthropic"),
    Kind.OPENAI: ("openai", "OpenAI"),
    Kind.DEEPSEEK: ("chat", "Chat"),
    Kind.COMPATIBLE: ("chat", "Chat"),
    Kind.OLLAMA: ("ollama", "Ollama"),
    Kind.DEMO: ("demo", "Demo"),
}


class Clients:
    """Use on one event loop."""

    def __init__(self) -> None:
        self._made: dict[Endpoint, Provider] = {}
        self._making = asyncio.Lock()
        self._closed = False

    async def get(self, endpoint: Endpoint) -> Provider:
        """The client of this endpoint; made now, off the loop, if it is the first."""
        found = self._made.get(endpoint)
        if found is not None:
            return found
        async with self._making:
            if self._closed:
                raise RuntimeError("The clients have been closed.")
            if endpoint not in self._made:
                # Who asked may be cancelled here; a client that has not been used
                # holds nothing that would need closing.
                self._made[endpoint] = await asyncio.to_thread(_make, endpoint)
            return self._made[endpoint]

    async def discard(self, endpoint: Endpoint) -> None:
        """Close the client of an endpoint that is no longer set up; harmless if none.

        What it is still answering breaks off.
        """
        client = self._made.pop(endpoint, None)
        if client is not None:
            await client.aclose()

    async def aclose(self) -> None:
        """Close all; there are no clients after that."""
        async with self._making:
            self._closed = True
            made, self._made = list(self._made.values()), {}
        await asyncio.gather(*(client.aclose() for client in made))


def _make(endpoint: Endpoint) -> Provider:
    module, name = _PROVIDERS[endpoint.kind]
    made: Provider = getattr(import_module(f"agents.llm.providers.{module}"), name)(
        endpoint
    )
    return made
