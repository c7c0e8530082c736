"""The desk that all agents ask through: whose clients are kept, and for how long."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import Any, cast

from agents.execution.asking import Desk
from agents.execution.bridge import Bridge
from agents.execution.events import TaskEvent, Waits, Words
from agents.execution.native import Job, NativeLLMAgent
from agents.execution.tools.tool import Surroundings
from agents.llm.endpoint import Endpoint, Kind
from agents.llm.events import End, Retrying, Stop, TextDelta
from agents.llm.failure import Failure
from agents.llm.messages import Assistant, Text, User
from agents.llm.request import Request
from agents.llm.usage import Usage
from agents.policy.native import NativeSetup
from agents.policy.provider_retry import ErrorKind
from agents.services.providers import Access
from agents.services.steps import user

HELLO = Request("demo", (User("hello"),))


class Row:
    """The provider's row, as the bridge would read it."""

    def __init__(self) -> None:
        self.access = Access("demo", "demo", "http://one", "", None, "")

    async def call(self, *_: Any) -> Access:
        return self.access

    def move(self, url: str) -> None:
        self.access = replace(self.access, base_url=url)


def at(url: str) -> Endpoint:
    return Endpoint(Kind.DEMO, url)


def test_of_an_address_or_key_that_was_changed_no_client_is_kept() -> None:
    async def play() -> None:
        row = Row()
        desk = Desk(cast("Bridge", row))
        await desk.whom("demo")
        first = await desk.clients.get(at("http://one"))
        for number in range(5):
            row.move(f"http://{number}")
            await desk.whom("demo")
        assert await desk.clients.get(at("http://one")) is not first
        assert not desk._answering

    asyncio.run(play())


def test_an_answer_under_way_is_not_broken_off_by_a_new_key() -> None:
    async def play() -> None:
        row = Row()
        desk = Desk(cast("Bridge", row))
        asked = await desk.whom("demo")
        first = await desk.clients.get(asked.endpoint)
        async with aclosing(desk.ask(asked, HELLO)) as events:
            await anext(events)
            row.move("http://two")
            await desk.whom("demo")
            assert await desk.clients.get(asked.endpoint) is first
        assert await desk.clients.get(asked.endpoint) is not first

    asyncio.run(play())


class Stumbling(Desk):
    """Its provider fails once before it answers."""

    async def ask(self, *_: Any) -> Any:
        yield Retrying(1, 5, 0.0, Failure(ErrorKind.OVERLOADED))
        yield TextDelta("Yes.")
        yield End(Stop.END, None, Assistant((Text("Yes."),)), Usage(), 2)


def test_whoever_is_answered_after_a_failed_attempt_waits_no_longer() -> None:
    async def play() -> list[TaskEvent]:
        setup = NativeSetup("demo", "", "", "", False, 1)
        agent = NativeLLMAgent(setup, Stumbling(cast("Bridge", Row())))
        job = Job([user("go")], 0, cast("Surroundings", None))
        return [event async for event in agent.execute(job)]

    events = asyncio.run(play())
    said = events.index(Words("Yes."))
    waits = [event.reason for event in events[:said] if isinstance(event, Waits)]
    assert waits == ["", "the provider is overloaded", ""]
