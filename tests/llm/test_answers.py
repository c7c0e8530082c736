"""Answers that go well, of every provider: over real HTTP, by the real SDKs."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from agents.llm.attempt import Deadlines
from agents.llm.events import Stop
from agents.llm.messages import Text, User
from tests.harness.llm.answers import Answer, Call, Say
from tests.llm.vendors import (
    ASKED,
    VENDORS,
    Heard,
    Vendor,
    ask,
    conversation,
    every_vendor,
    hear,
)


@every_vendor
def test_a_plain_answer_streams_and_ends_once(vendor: Vendor) -> None:
    heard = ask(vendor)
    assert heard.shown == "Hello, world."
    assert heard.end.stop is Stop.END and heard.end.attempts == 1
    assert heard.end.message is not None
    assert heard.end.message.parts == (Text("Hello, world."),)
    assert not heard.retries and not heard.restarts


@every_vendor
def test_usage_means_the_same_whoever_counts(vendor: Vendor) -> None:
    heard = ask(vendor)
    assert heard.end.usage == vendor.usage
    assert heard.paid == vendor.usage


@every_vendor
def test_a_slow_first_token_is_waited_for(vendor: Vendor) -> None:
    deadlines = Deadlines(first=20.0, idle=0.2, total=40.0)
    heard = ask(vendor, Answer(delay=0.5), deadlines=deadlines)
    assert heard.shown == "Hello, world." and not heard.retries


@every_vendor
def test_a_huge_answer_arrives_whole(vendor: Vendor) -> None:
    pieces = ("x" * 3_000_000, *(f"piece {number} " for number in range(3000)))
    heard = ask(vendor, Answer((Say(pieces),)))
    assert heard.shown == "".join(pieces)
    assert heard.end.message is not None and heard.end.message.text == heard.shown


@every_vendor
def test_an_answer_cut_at_the_limit_says_so_and_keeps_its_text(vendor: Vendor) -> None:
    heard = ask(vendor, Answer(stop="length"))
    assert heard.end.stop is Stop.MAX_TOKENS
    assert heard.end.message is not None
    assert heard.end.message.text == "Hello, world."


@pytest.mark.parametrize("vendor", [VENDORS[0], VENDORS[2]], ids=str)
def test_half_a_tool_call_counts_as_a_sign_of_life(vendor: Vendor) -> None:
    """A file is written for minutes, and nothing of it is handed on until the end."""
    raw = '{"place": "' + "x" * 100_000 + '"}'
    deadlines = Deadlines(first=20.0, idle=0.3, total=40.0)
    paced = Answer((Call("weather", raw),), pace=0.1)
    heard = ask(vendor, paced, deadlines=deadlines)
    assert heard.calls[0].raw == raw and not heard.retries


@every_vendor
def test_halves_of_characters_are_joined_and_lone_ones_replaced(vendor: Vendor) -> None:
    """Gateways split text wherever a piece is full; what came must be sent back."""
    torn = Answer((Say(("A \ud83d", "\ude00", " \ud800!")),))

    async def two_turns() -> tuple[Heard, Heard]:
        async with conversation(vendor, torn) as (provider, _):
            first = await hear(provider)
            assert first.end.message is not None
            more = User("name\udce9.txt?")
            messages = (*ASKED.messages, first.end.message, more)
            return first, await hear(provider, replace(ASKED, messages=messages))

    first, second = asyncio.run(two_turns())
    assert first.end.message is not None
    assert first.end.message.text == "A 😀 �!"
    assert first.shown.encode()
    assert second.end.stop is Stop.END, second.end.failure
