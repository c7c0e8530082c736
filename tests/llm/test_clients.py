"""Clients: SDKs imported late and off the loop, one for each endpoint, clean ends."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from agents.llm.clients import Clients
from agents.llm.endpoint import Endpoint, Kind
from agents.llm.events import Event, Retrying, TextDelta
from agents.llm.secret import Secret
from agents.llm.stream import stream
from agents.policy.provider_retry import ErrorKind, RetryPolicy
from tests.harness.llm.answers import PLAIN, Answer, Behaviour, Refusal, Silence
from tests.harness.llm.server import StandIn
from tests.llm.vendors import (
    ASKED,
    PATIENT,
    QUICK,
    VENDORS,
    Vendor,
    conversation,
    every_vendor,
    hear,
)

SDKS = "{'anthropic', 'openai', 'httpx2', 'httpcore2', 'pydantic', 'anyio'}"
IMPORTS_ALL = f"""
import importlib, json, pkgutil, sys
import agents.llm
for found in pkgutil.walk_packages(agents.llm.__path__, "agents.llm."):
    importlib.import_module(found.name)
print(json.dumps(sorted(m for m in sys.modules if m.split(".")[0] in {SDKS})))
"""
FIRST_USE = """
import asyncio, json, sys, time
from tests.harness.llm.server import StandIn
from tests.llm.vendors import VENDORS, Clients, hear

async def use(vendor):
    async with StandIn(vendor.wire()) as standin:
        clients, clock = Clients(), time.thread_time
        before = clock()
        provider = await clients.get(vendor.endpoint(standin.url))
        making = clock() - before
        imported = set(sys.modules)
        longest, run = 0.0, asyncio.events.Handle._run
        def timed(handle):
            nonlocal longest
            before = clock()
            run(handle)
            longest = max(longest, clock() - before)
        asyncio.events.Handle._run = timed
        heard = await hear(provider)
        asyncio.events.Handle._run = run
        await clients.aclose()
        late = sorted(m for m in set(sys.modules) - imported
                      if m.split(".")[0] in {"anthropic", "openai"})
        print(json.dumps([making, longest, late, heard.shown]))

asyncio.run(use(VENDORS[int(sys.argv[1])]))
"""


def run_alone(program: str, *arguments: str) -> Any:
    """What a new interpreter prints, as JSON."""
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# Imports


def test_importing_the_whole_room_imports_no_sdk() -> None:
    assert run_alone(IMPORTS_ALL) == []


@pytest.mark.parametrize("number", [0, 1, 2], ids=["anthropic", "openai", "chat"])
def test_making_and_first_using_a_client_never_holds_up_the_loop(number: int) -> None:
    """In CPU seconds of the loop's own thread: the SDKs cost whole ones."""
    making, longest_step, late, shown = run_alone(FIRST_USE, str(number))
    assert making < 0.1
    assert longest_step < 0.15
    assert late == []
    assert shown == "Hello, world."


# One for each endpoint


@every_vendor
def test_requests_to_one_endpoint_share_a_client_and_its_connection(
    vendor: Vendor,
) -> None:
    async def twice() -> tuple[int, int]:
        async with StandIn(vendor.wire()) as standin:
            clients = Clients()
            for _ in range(3):
                await hear(await clients.get(vendor.endpoint(standin.url)))
            await clients.aclose()
            return standin.connections, len(standin.requests)

    assert asyncio.run(twice()) == (1, 3)


def test_two_that_ask_at_once_get_the_same_client() -> None:
    async def at_once() -> int:
        clients, endpoint = Clients(), Endpoint(Kind.OLLAMA)
        found = await asyncio.gather(*(clients.get(endpoint) for _ in range(5)))
        await clients.aclose()
        return len({id(client) for client in found})

    assert asyncio.run(at_once()) == 1


def test_another_key_or_address_is_another_client() -> None:
    async def several() -> int:
        clients = Clients()
        endpoints = [
            Endpoint(Kind.ANTHROPIC, key=Secret("key-one")),
            Endpoint(Kind.ANTHROPIC, key=Secret("key-two")),
            Endpoint(Kind.ANTHROPIC, "http://127.0.0.1:9", Secret("key-two")),
        ]
        found = [await clients.get(endpoint) for endpoint in endpoints]
        await clients.aclose()
        return len({id(client) for client in found})

    assert asyncio.run(several()) == 3


# Clean ends


@every_vendor
def test_closing_the_clients_closes_their_connections(vendor: Vendor) -> None:
    async def closing() -> tuple[int, int]:
        async with StandIn(vendor.wire()) as standin:
            clients = Clients()
            await hear(await clients.get(vendor.endpoint(standin.url)))
            kept = standin.open_connections
            await clients.aclose()
            await standin.until_all_gone()
            return kept, standin.open_connections

    assert asyncio.run(closing()) == (1, 0)


def test_a_discarded_client_is_closed_and_made_anew_when_asked_for() -> None:
    vendor = VENDORS[0]

    async def discarding() -> tuple[bool, int]:
        async with StandIn(vendor.wire()) as standin:
            clients, endpoint = Clients(), vendor.endpoint(standin.url)
            first = await clients.get(endpoint)
            await hear(first)
            await clients.discard(endpoint)
            await clients.discard(endpoint)
            await standin.until_all_gone()
            second = await clients.get(endpoint)
            await hear(second)
            await clients.aclose()
            return first is second, standin.connections

    assert asyncio.run(discarding()) == (False, 2)


def test_after_the_end_there_are_no_clients() -> None:
    async def late() -> None:
        clients = Clients()
        await clients.aclose()
        await clients.get(Endpoint(Kind.DEMO))

    with pytest.raises(RuntimeError, match="have been closed"):
        asyncio.run(late())


# Cancelling


STAGES: dict[str, tuple[Behaviour, type[Event] | None]] = {
    "before the first token": (Silence(), None),
    "in the middle of the answer": (Answer(spoilt="silence"), TextDelta),
    "while it waits to ask again": (Refusal(429, {"Retry-After": "30"}), Retrying),
}


@pytest.mark.parametrize("stage", list(STAGES))
@every_vendor
def test_a_request_can_be_cancelled_at_any_moment(vendor: Vendor, stage: str) -> None:
    behaviour, awaited = STAGES[stage]

    async def cancelling() -> tuple[list[Event], int]:
        async with conversation(vendor, behaviour) as (provider, standin):
            events: list[Event] = []
            seen = asyncio.Event()

            async def reading() -> None:
                async with aclosing(stream(provider, ASKED, deadlines=PATIENT)) as told:
                    async for event in told:
                        events.append(event)
                        if awaited is not None and isinstance(event, awaited):
                            seen.set()

            task = asyncio.create_task(reading())
            await standin.until_heard()
            if awaited is not None:
                await asyncio.wait_for(seen.wait(), 10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(task, 5)
            if awaited is not Retrying:
                # The connection breaks, and the provider need not go on.
                await standin.until_all_gone()
            return events, len(standin.requests)

    events, requests = asyncio.run(cancelling())
    assert requests == 1
    assert not any(hasattr(event, "stop") for event in events), "no end"


@every_vendor
def test_who_stops_reading_early_breaks_the_connection(vendor: Vendor) -> None:
    async def leaving() -> None:
        answer = Answer(spoilt="silence")
        async with conversation(vendor, answer) as (provider, standin):
            async with aclosing(stream(provider, ASKED, deadlines=PATIENT)) as told:
                async for event in told:
                    if isinstance(event, TextDelta):
                        break
            await standin.until_all_gone()

    asyncio.run(leaving())


@every_vendor
def test_a_slow_reader_is_not_taken_for_a_silent_provider(vendor: Vendor) -> None:
    deadlines = replace(PATIENT, idle=0.2)

    async def reading() -> tuple[list[Event], int]:
        async with conversation(vendor, PLAIN) as (provider, standin):
            events = []
            async for event in stream(provider, ASKED, QUICK, deadlines):
                events.append(event)
                if isinstance(event, TextDelta):
                    await asyncio.sleep(0.3)
            return events, len(standin.requests)

    events, requests = asyncio.run(reading())
    assert requests == 1 and not any(isinstance(e, Retrying) for e in events)


def test_an_answer_that_nobody_expects_ends_the_request_and_not_the_agent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A server that is no Ollama, and answers with JSON of its own."""

    class Odd(type(VENDORS[-1].wire())):  # type: ignore[misc]
        def frames(self, answer: Answer, body: Any) -> list[bytes]:
            return [b'{"message": {"tool_calls": [7]}}\n']

    async def asking() -> Any:
        async with StandIn(Odd()) as standin:
            clients = Clients()
            endpoint = VENDORS[-1].endpoint(standin.url)
            heard = await hear(await clients.get(endpoint), retry=RetryPolicy())
            await clients.aclose()
            return heard

    heard = asyncio.run(asking())
    assert heard.failure.kind is ErrorKind.INTERNAL
    assert heard.failure.text == "TypeError" and heard.end.attempts == 1
    assert "TypeError in an answer" in caplog.text and "ollama.py" in caplog.text
