"""A key is in no repr, no log, no exception and no event, whatever happens."""

from __future__ import annotations

import asyncio
import logging
import pickle
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from agents.llm.endpoint import Endpoint, Kind
from agents.llm.failure import ProviderError
from agents.llm.secret import Secret
from agents.policy.provider_retry import RetryPolicy
from tests.harness.llm.answers import Answer, Behaviour, Refusal, Say, Silence
from tests.llm.vendors import (
    ASKED,
    KEY,
    VENDORS,
    Vendor,
    conversation,
    every_vendor,
    hear,
)

SDK_LOGGERS = ("anthropic", "openai", "httpx2", "httpcore2", "asyncio", "agents")
ECHO = f"Incorrect API key provided: {KEY}."
BEHAVIOURS: tuple[Behaviour, ...] = (
    Answer(),
    Answer((Say(("a", "b", "c")),), spoilt="error"),
    Answer(spoilt="drop"),
    Answer(spoilt="garbage"),
    Refusal(401, text=ECHO),
    Refusal(401, body=f"<html>{ECHO}</html>"),
    Refusal(400, {"X-Echo": "none"}, body={"error": ECHO}),
    Refusal(429, {"Retry-After": "3600"}, text=ECHO),
    Refusal(500),
    Silence(),
)


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Everything that is logged, in all detail."""
    with caplog.at_level(logging.DEBUG):
        for name in (*SDK_LOGGERS, *logging.root.manager.loggerDict):
            caplog.set_level(logging.DEBUG, name)
        yield caplog


@every_vendor
def test_a_key_is_nowhere_whatever_happens(
    vendor: Vendor, logged: pytest.LogCaptureFixture
) -> None:
    from agents.llm.attempt import Deadlines

    async def asking() -> list[Any]:
        told: list[Any] = []
        async with conversation(vendor, *BEHAVIOURS) as (provider, standin):
            for _ in BEHAVIOURS:
                deadlines = Deadlines(0.5, 0.5, 5.0)
                retry = RetryPolicy(attempts=1)
                heard = await hear(provider, retry=retry, deadlines=deadlines)
                told += heard.events
            assert len(standin.requests) == len(BEHAVIOURS)
            # It was sent, each time: else this test would show nothing.
            assert all(KEY in str(request.headers) for request in standin.requests)
            told += [provider, vars(provider)["_endpoint"]]
        return told

    told = asyncio.run(asking())
    assert KEY not in repr(told) and KEY not in "".join(map(str, told))
    records = "\n".join(
        logged.handler.format(record) + repr(record.args) for record in logged.records
    )
    assert KEY not in records
    names = {record.name.split(".")[0] for record in logged.records}
    assert "httpcore2" in names, "the HTTP client was heard in all detail"


@every_vendor
def test_an_error_of_a_provider_shows_no_key_in_its_traceback(vendor: Vendor) -> None:
    async def failing() -> str:
        async with conversation(vendor, Refusal(401, text=ECHO)) as (provider, _):
            try:
                async for _piece in provider.attempt(ASKED):
                    pass
            except ProviderError as error:
                return "".join(traceback.format_exception(error))
            raise AssertionError("it did not fail")

    shown = asyncio.run(failing())
    assert "Incorrect API key provided" in shown
    assert KEY not in shown


def test_a_key_shows_itself_to_nobody() -> None:
    secret = Secret(KEY)
    endpoint = Endpoint(Kind.ANTHROPIC, key=secret)
    for shown in (
        repr(secret),
        str(secret),
        f"{secret}",
        repr(endpoint),
        str(endpoint),
    ):
        assert KEY not in shown
    assert secret.reveal() == KEY
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_keys_are_compared_and_not_shown() -> None:
    assert Secret(KEY) == Secret(f" {KEY}\n") and hash(Secret(KEY)) == hash(Secret(KEY))
    assert Secret(KEY) != Secret("another") and Secret(KEY) != KEY
    assert Secret(KEY) and not Secret()


@pytest.mark.parametrize("value", ["sk-a b", "sk-a\nb", "sk-ä", "sk-\x00"])
def test_what_cannot_be_a_key_is_refused_without_saying_it(value: str) -> None:
    with pytest.raises(ValueError, match="copy it again") as caught:
        Secret(value)
    assert value not in str(caught.value)


def test_a_key_is_found_in_a_text_in_either_form() -> None:
    secret = Secret("sk+ab/cdef==")
    text = secret.scrubbed("a sk+ab/cdef== b sk%2Bab%2Fcdef%3D%3D c")
    assert text == "a •••••• b •••••• c"
    assert Secret("ab").scrubbed("abc") == "abc"


@pytest.mark.parametrize(
    ("kind", "url", "why"),
    [
        (Kind.COMPATIBLE, "", "Give the server's base URL"),
        (Kind.COMPATIBLE, "localhost:8000", "begin with http"),
        (Kind.COMPATIBLE, "ftp://host", "begin with http"),
        (Kind.COMPATIBLE, "http://", "and a host"),
        (Kind.COMPATIBLE, "http://host:port", "check host and port"),
        (Kind.COMPATIBLE, f"http://user:{KEY}@host", "must not hold a password"),
        (Kind.COMPATIBLE, f"http://host/?key={KEY}", "must not have a query"),
        (Kind.ANTHROPIC, "", "needs a key"),
    ],
)
def test_an_address_that_cannot_work_is_refused_in_words(
    kind: Kind, url: str, why: str
) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        Endpoint(kind, url)
    assert KEY not in str(caught.value)


def test_each_vendor_has_an_address_of_its_own() -> None:
    for vendor in VENDORS:
        if vendor.kind is not Kind.COMPATIBLE:
            assert Endpoint(vendor.kind, key=Secret(KEY)).base_url.startswith("http")


def test_what_the_environment_says_of_openai_goes_to_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The hub's providers are set up in one place; DeepSeek need not know of OpenAI."""
    for name in ("ORG_ID", "PROJECT_ID", "ADMIN_KEY", "API_KEY", "BASE_URL"):
        monkeypatch.setenv(f"OPENAI_{name}", "http://of-openai.invalid")
    for name in ("AUTH_TOKEN", "API_KEY", "BASE_URL"):
        monkeypatch.setenv(f"ANTHROPIC_{name}", "http://of-anthropic.invalid")

    async def headers(vendor: Vendor) -> str:
        async with conversation(vendor) as (provider, standin):
            assert (await hear(provider)).shown == "Hello, world."
            return str(standin.requests[0].headers)

    for vendor in VENDORS:
        sent = asyncio.run(headers(vendor))
        assert KEY in sent and "of-openai" not in sent and "of-anthropic" not in sent


def test_a_server_without_keys_is_sent_none() -> None:
    compatible = next(v for v in VENDORS if v.kind is Kind.COMPATIBLE)

    async def headers() -> dict[str, str]:
        from agents.llm.clients import Clients
        from tests.harness.llm.server import StandIn

        async with StandIn(compatible.wire()) as standin:
            clients = Clients()
            await hear(await clients.get(Endpoint(Kind.COMPATIBLE, standin.url)))
            await clients.aclose()
            return dict(standin.requests[0].headers)

    assert "authorization" not in asyncio.run(headers())
