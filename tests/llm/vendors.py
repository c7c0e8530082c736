"""The five ways to talk to a model, each with its stand-in, and how tests ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from agents.llm.attempt import Deadlines
from agents.llm.clients import Clients
from agents.llm.endpoint import Endpoint, Kind
from agents.llm.events import (
    End,
    Event,
    Restarted,
    Retrying,
    TextDelta,
    ThinkingDelta,
    Used,
)
from agents.llm.failure import Failure
from agents.llm.messages import ToolCall, User
from agents.llm.provider import Provider
from agents.llm.request import Request, Tool
from agents.llm.secret import Secret
from agents.llm.stream import stream
from agents.llm.usage import Usage
from agents.policy.provider_retry import RetryPolicy
from tests.harness.llm.answers import Behaviour
from tests.harness.llm.anthropic import AnthropicWire
from tests.harness.llm.chat import ChatWire, DeepSeekWire
from tests.harness.llm.ollama import OllamaWire
from tests.harness.llm.openai import OpenAIWire
from tests.harness.llm.server import Received, StandIn, Wire

KEY = "sk-test-0123456789abcdef"
WEATHER = Tool(
    "weather",
    "The weather of a place.",
    {"type": "object", "properties": {"place": {"type": "string"}}},
)
ASKED = Request("model-1", (User("Hello?"),), system="Be brief.", tools=(WEATHER,))
QUICK = RetryPolicy(attempts=3, first_delay=0.01, longest_delay=0.05)
PATIENT = Deadlines(first=20.0, idle=20.0, total=40.0)


@dataclass(frozen=True)
class Vendor:
    """One way: its format, what it counts, and how it says that it is overloaded."""

    kind: Kind
    wire: Callable[[], Wire]
    usage: Usage
    overloaded: int

    def __str__(self) -> str:
        return self.kind

    def endpoint(self, url: str, key: str = KEY) -> Endpoint:
        return Endpoint(self.kind, url, Secret(key))


VENDORS = (
    Vendor(Kind.ANTHROPIC, AnthropicWire, Usage(12, 5, 3, 20, 4), 529),
    Vendor(Kind.OPENAI, OpenAIWire, Usage(12, 5, 3, 20, 4), 503),
    Vendor(Kind.DEEPSEEK, DeepSeekWire, Usage(12, 5, 0, 20, 4), 503),
    Vendor(Kind.COMPATIBLE, ChatWire, Usage(12, 5, 3, 20, 4), 503),
    Vendor(Kind.OLLAMA, OllamaWire, Usage(20, 0, 0, 20, 0), 503),
)


@asynccontextmanager
async def conversation(
    vendor: Vendor, *behaviours: Behaviour
) -> AsyncIterator[tuple[Provider, StandIn]]:
    """A provider, and the stand-in that it talks to."""
    async with StandIn(vendor.wire(), *behaviours) as standin:
        clients = Clients()
        try:
            yield await clients.get(vendor.endpoint(standin.url)), standin
        finally:
            await clients.aclose()


async def hear(
    provider: Provider,
    request: Request = ASKED,
    retry: RetryPolicy = QUICK,
    deadlines: Deadlines = PATIENT,
) -> Heard:
    """All events of one request."""
    async with aclosing(stream(provider, request, retry, deadlines)) as events:
        return Heard([event async for event in events])


class Heard:
    """Events, and what they say; checked to have the one shape that they all have."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events
        self.requests: list[Received] = []
        ends = [event for event in events if isinstance(event, End)]
        assert len(ends) == 1 and events[-1] is ends[0], "exactly one end, the last"
        self.end = ends[0]
        assert (self.end.stop is None) != (self.end.failure is None)
        assert (self.end.stop is None) == (self.end.message is None)

    @property
    def shown(self) -> str:
        """The text as a reader would have it who obeys Restarted."""
        text = ""
        for event in self.events:
            if isinstance(event, TextDelta):
                text += event.text
            elif isinstance(event, Restarted):
                text = ""
        return text

    @property
    def thought(self) -> str:
        return "".join(e.text for e in self.events if isinstance(e, ThinkingDelta))

    @property
    def calls(self) -> list[ToolCall]:
        return [event for event in self.events if isinstance(event, ToolCall)]

    @property
    def retries(self) -> list[Retrying]:
        return [event for event in self.events if isinstance(event, Retrying)]

    @property
    def restarts(self) -> list[Restarted]:
        return [event for event in self.events if isinstance(event, Restarted)]

    @property
    def paid(self) -> Usage:
        """As someone adds it up who keeps the last of each attempt."""
        last = {e.attempt: e.usage for e in self.events if isinstance(e, Used)}
        return sum(last.values(), Usage())

    @property
    def failure(self) -> Failure:
        assert self.end.failure is not None, self.end
        return self.end.failure


def ask(vendor: Vendor, *behaviours: Behaviour, **options: Any) -> Heard:
    """Ask the vendor's stand-in once, on an event loop of its own."""

    async def asking() -> Heard:
        async with conversation(vendor, *behaviours) as (provider, standin):
            heard = await hear(provider, **options)
            heard.requests = standin.requests
            return heard

    return asyncio.run(asking())


every_vendor = pytest.mark.parametrize("vendor", VENDORS, ids=str)


def without(*kinds: Kind) -> pytest.MarkDecorator:
    """All vendors but those that cannot behave so."""
    able = [vendor for vendor in VENDORS if vendor.kind not in kinds]
    return pytest.mark.parametrize("vendor", able, ids=str)
