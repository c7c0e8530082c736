"""Asking a provider for one answer: whom, how many at once, and in our own words."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from agents.execution.bridge import Bridge
from agents.llm.clients import Clients
from agents.llm.endpoint import Endpoint, Kind
from agents.llm.events import Event
from agents.llm.request import Request
from agents.llm.secret import Secret
from agents.llm.stream import stream
from agents.services import providers
from agents.services.providers import Access, Unusable

# Tokens that Ollama is told to reserve; its own default cuts prompts silently.
OLLAMA_CONTEXT: Final = 32_768


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom a request goes to."""

    access: Access
    endpoint: Endpoint


class Desk:
    """All agents of a hub ask through one: clients are shared, and so are limits."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self.clients = Clients()
        self._gates: dict[str, tuple[int, asyncio.Semaphore]] = {}
        # By provider, as it was set up last; and how many answers are under way.
        self._endpoints: dict[str, Endpoint] = {}
        self._answering: Counter[Endpoint] = Counter()

    async def whom(self, name: str) -> Asked:
        """The provider of this name as it is set up now, and a client of it is ready;
        raises Unusable."""
        access = await self._bridge.call(providers.access, name)
        try:
            endpoint = Endpoint(Kind(access.kind), access.base_url, Secret(access.key))
        except ValueError as error:
            raise Unusable(f"{name}: {error}") from None
        await self.clients.get(endpoint)
        before, self._endpoints[name] = self._endpoints.get(name), endpoint
        if before is not None:
            await self._let_go(before)
        return Asked(access, endpoint)

    async def _let_go(self, endpoint: Endpoint) -> None:
        """Of an old key or address nothing is kept once its last answer has come."""
        if self._answering[endpoint] or endpoint in self._endpoints.values():
            return
        del self._answering[endpoint]
        await self.clients.discard(endpoint)

    def full(self, access: Access) -> bool:
        """Whether a request would have to wait for its turn."""
        limit, gate = self._gates.get(access.name, (None, None))
        same = limit == access.max_concurrent
        return gate is not None and same and gate.locked()

    @asynccontextmanager
    async def turn(self, access: Access) -> AsyncIterator[None]:
        """Wait until one more request to this provider may be made."""
        if access.max_concurrent is None:
            yield
            return
        limit, gate = self._gates.get(access.name, (0, asyncio.Semaphore()))
        if limit != access.max_concurrent:
            # Those under way hold the old gate until they are done.
            gate = asyncio.Semaphore(access.max_concurrent)
            self._gates[access.name] = access.max_concurrent, gate
        async with gate:
            yield

    async def ask(self, asked: Asked, request: Request) -> AsyncGenerator[Event]:
        """One answer, retries and all; the last event is the End."""
        self._answering[asked.endpoint] += 1
        try:
            provider = await self.clients.get(asked.endpoint)
            async with aclosing(stream(provider, request)) as events:
                async for event in events:
                    yield event
        finally:
            self._answering[asked.endpoint] -= 1
            await self._let_go(asked.endpoint)

    async def close(self) -> None:
        """Close all connections."""
        await self.clients.aclose()
