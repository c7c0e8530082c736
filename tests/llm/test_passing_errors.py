"""What passes, with every provider: it is asked again, and everybody can see it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from agents.llm.attempt import Deadlines
from agents.llm.endpoint import Kind
from agents.llm.events import Stop
from agents.llm.usage import Usage
from agents.policy.provider_retry import ErrorKind, RetryPolicy
from tests.harness.llm.answers import Answer, Refusal, Silence
from tests.harness.llm.server import HTML
from tests.llm.vendors import (
    QUICK,
    VENDORS,
    Heard,
    Vendor,
    ask,
    conversation,
    every_vendor,
    hear,
)


@every_vendor
def test_too_many_requests_are_answered_by_waiting_as_told(vendor: Vendor) -> None:
    heard = ask(vendor, Refusal(429, {"Retry-After": "1"}))
    (retrying,) = heard.retries
    assert retrying.failure.kind is ErrorKind.RATE_LIMIT
    assert retrying.failure.retry_after == 1.0
    assert (retrying.attempt, retrying.attempts) == (1, 3)
    first, second = heard.requests
    assert second.at - first.at >= 1.0
    assert heard.shown == "Hello, world." and not heard.restarts


@every_vendor
def test_who_asks_for_an_hour_is_not_asked_again(vendor: Vendor) -> None:
    heard = ask(vendor, Refusal(429, {"Retry-After": "3600"}))
    assert heard.failure.kind is ErrorKind.RATE_LIMIT
    assert heard.failure.retry_after == 3600.0
    assert "asked to wait 3600 s, and 60 s is the longest wait" in str(heard.failure)
    assert len(heard.requests) == 1


@every_vendor
def test_an_overloaded_provider_is_asked_again(vendor: Vendor) -> None:
    heard = ask(vendor, Refusal(vendor.overloaded), Refusal(vendor.overloaded))
    assert [r.failure.kind for r in heard.retries] == [ErrorKind.OVERLOADED] * 2
    assert heard.shown == "Hello, world." and heard.end.attempts == 3


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (Refusal(500), ErrorKind.SERVER),
        (Refusal(502, body=HTML), ErrorKind.SERVER),
        (Refusal(504), ErrorKind.TIMEOUT),
    ],
    ids=["500", "a proxy's page", "504"],
)
@every_vendor
def test_a_provider_that_failed_is_asked_until_it_is_enough(
    vendor: Vendor, refusal: Refusal, kind: ErrorKind
) -> None:
    heard = ask(vendor, refusal, refusal, refusal)
    assert heard.failure.kind is kind
    assert str(heard.failure).count("gave up after 3 attempts") == 1
    assert len(heard.requests) == heard.end.attempts == 3


MID_STREAM = {
    "error": {
        Kind.ANTHROPIC: ErrorKind.OVERLOADED,
        Kind.OPENAI: ErrorKind.SERVER,
        Kind.DEEPSEEK: ErrorKind.SERVER,
        Kind.COMPATIBLE: ErrorKind.SERVER,
        Kind.OLLAMA: ErrorKind.SERVER,
    },
    "drop": dict.fromkeys(Kind, ErrorKind.CONNECTION),
    "reset": dict.fromkeys(Kind, ErrorKind.CONNECTION),
    "cut": dict.fromkeys(Kind, ErrorKind.CONNECTION),
    "garbage": dict.fromkeys(Kind, ErrorKind.SERVER),
    "silence": dict.fromkeys(Kind, ErrorKind.TIMEOUT),
}


@pytest.mark.parametrize("spoilt", list(MID_STREAM))
@every_vendor
def test_what_breaks_in_mid_stream_begins_anew_and_says_so(
    vendor: Vendor, spoilt: Any
) -> None:
    deadlines = Deadlines(first=20.0, idle=1.0, total=40.0)
    heard = ask(vendor, Answer(spoilt=spoilt), deadlines=deadlines)
    (retrying,) = heard.retries
    assert retrying.failure.kind is MID_STREAM[spoilt][vendor.kind]
    assert [restarted.attempt for restarted in heard.restarts] == [2]
    assert heard.shown == "Hello, world." and heard.end.stop is Stop.END


@every_vendor
def test_what_breaks_in_mid_stream_is_final_where_nothing_may_restart(
    vendor: Vendor,
) -> None:
    retry = replace(QUICK, restarts=False)
    heard = ask(vendor, Answer(spoilt="drop"), retry=retry)
    assert heard.failure.kind is ErrorKind.CONNECTION
    assert "handed on already" in str(heard.failure)
    assert len(heard.requests) == 1


@every_vendor
def test_silence_from_the_start_is_a_timeout_and_asked_again(vendor: Vendor) -> None:
    deadlines = Deadlines(first=0.5, idle=20.0, total=40.0)
    heard = ask(vendor, Silence(), deadlines=deadlines)
    assert [r.failure.kind for r in heard.retries] == [ErrorKind.TIMEOUT]
    assert heard.retries[0].failure.text == "nothing came for 0.5 s"
    assert not heard.restarts and heard.shown == "Hello, world."


@every_vendor
def test_the_total_deadline_ends_all_attempts(vendor: Vendor) -> None:
    deadlines = Deadlines(first=20.0, idle=20.0, total=0.7)
    heard = ask(vendor, Silence(), deadlines=deadlines)
    assert heard.failure.kind is ErrorKind.DEADLINE
    assert heard.failure.text == "0.7 s in all"
    assert len(heard.requests) == 1


@every_vendor
def test_nobody_there_is_a_failed_connection(vendor: Vendor) -> None:
    async def asking() -> Heard:
        async with conversation(vendor) as (provider, standin):
            await standin.close()
            return await hear(provider)

    heard = asyncio.run(asking())
    assert heard.failure.kind is ErrorKind.CONNECTION
    assert "http://127.0.0.1:" in str(heard.failure)
    assert heard.end.attempts == 3 and heard.end.usage == Usage()


def test_a_failed_attempt_is_paid_as_well() -> None:
    """Anthropic says at the start what the input cost."""
    heard = ask(VENDORS[0], Answer(spoilt="drop"))
    assert heard.end.usage == Usage(12, 5, 3, 1, 0) + VENDORS[0].usage
    assert heard.paid == heard.end.usage


def test_no_attempt_begins_that_has_no_time_left() -> None:
    retry = RetryPolicy(attempts=3, first_delay=30.0)
    heard = ask(VENDORS[-1], Refusal(500), retry=retry, deadlines=Deadlines(5, 5, 5))
    assert heard.failure.kind is ErrorKind.SERVER
    assert "no time is left" in str(heard.failure)
