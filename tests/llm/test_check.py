"""Whether a provider answers, and which models it names; nothing is asked of them."""

from __future__ import annotations

import asyncio
import socket
import ssl

import pytest

from agents.llm import check
from agents.llm.check import Finding
from agents.llm.endpoint import Endpoint, Kind
from agents.llm.secret import Secret
from agents.policy.provider_retry import ErrorKind
from tests.harness.llm.answers import Behaviour, Refusal, Silence
from tests.harness.llm.server import Received, StandIn
from tests.llm.vendors import KEY, VENDORS, Vendor, every_vendor


def looked(
    vendor: Vendor, *behaviours: Behaviour, patience: float = 10.0
) -> tuple[Finding, list[Received]]:
    async def looking() -> tuple[Finding, list[Received]]:
        async with StandIn(vendor.wire(), *behaviours) as standin:
            finding = await check.look(vendor.endpoint(standin.url), patience)
            await standin.until_all_gone()
            return finding, standin.requests

    return asyncio.run(looking())


def look_at(url: str, patience: float = 10.0) -> str:
    endpoint = Endpoint(Kind.DEEPSEEK, url, Secret(KEY))
    finding = asyncio.run(check.look(endpoint, patience))
    assert finding.failure is not None
    return finding.failure.text


def compatible() -> Vendor:
    return next(v for v in VENDORS if v.kind is Kind.COMPATIBLE)


@every_vendor
def test_a_provider_names_its_models_for_one_request_without_a_prompt(
    vendor: Vendor,
) -> None:
    finding, requests = looked(vendor)
    assert finding == Finding(None, ("model-1", "model-2"))
    (request,) = requests
    assert request.path == vendor.wire().models_path and not request.body
    assert KEY in str(request.headers)


@every_vendor
def test_a_refused_key_is_told_from_one_that_may_not(vendor: Vendor) -> None:
    for status, kind in ((401, ErrorKind.AUTH), (403, ErrorKind.PERMISSION)):
        finding, _ = looked(vendor, Refusal(status, text=f"not {KEY}!"))
        assert finding.failure is not None
        assert (finding.failure.kind, finding.failure.status) == (kind, status)
        assert KEY not in str(finding.failure)


@every_vendor
def test_an_address_without_models_is_a_failure_but_where_none_are_owed(
    vendor: Vendor,
) -> None:
    finding, _ = looked(vendor, Refusal(404))
    if vendor.kind is Kind.COMPATIBLE:
        assert finding == Finding(None, lists=False)
    else:
        assert finding.failure is not None
        assert finding.failure.kind is ErrorKind.NOT_FOUND


@every_vendor
def test_silence_is_a_failure_in_time_and_the_connection_is_closed(
    vendor: Vendor,
) -> None:
    finding, requests = looked(vendor, Silence(), patience=0.3)
    assert finding.failure is not None and len(requests) == 1
    assert finding.failure.kind is ErrorKind.TIMEOUT
    assert "no answer within 0.3 s" in finding.failure.text


@every_vendor
@pytest.mark.parametrize("body", ["<html>Welcome</html>", [], {}, {"data": "x"}, "7"])
def test_what_is_no_list_of_models_is_a_failure_or_names_none(
    vendor: Vendor, body: object
) -> None:
    finding, _ = looked(vendor, Refusal(200, body=body))
    if finding.failure is None:
        assert finding.models == ()
    else:
        kinds = {ErrorKind.SERVER, ErrorKind.INTERNAL}
        assert finding.failure.kind in kinds


@every_vendor
def test_a_key_that_is_echoed_across_the_cut_of_a_long_text_is_not_cut_in_two(
    vendor: Vendor,
) -> None:
    finding, _ = looked(vendor, Refusal(401, text=f"{'x' * 490} {KEY}"))
    assert finding.failure is not None
    assert len(finding.failure.text) <= 500 and KEY[:6] not in finding.failure.text


def test_what_cannot_be_stored_is_left_out_of_words() -> None:
    body = {"error": {"message": "half \ud800 a pair,\0 and a\nline"}}
    finding, _ = looked(compatible(), Refusal(401, body=body))
    assert finding.failure is not None
    assert finding.failure.text == "half a pair, and a line"


def test_the_demo_is_there_without_a_network() -> None:
    assert asyncio.run(check.look(Endpoint(Kind.DEMO))) == Finding(None, ("demo",))


def test_a_server_without_keys_is_sent_none_when_it_is_looked_at() -> None:
    async def headers() -> str:
        async with StandIn(compatible().wire()) as standin:
            await check.look(Endpoint(Kind.COMPATIBLE, standin.url))
            return str(standin.requests[0].headers)

    assert "authorization" not in asyncio.run(headers())


def test_a_connection_that_fails_says_why_in_words() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    assert "nothing listens there" in look_at(f"http://127.0.0.1:{port}")
    assert "the host's name is unknown" in look_at("http://no-such-host.invalid")


def test_https_where_there_is_none_says_so() -> None:
    async def talks_plainly(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def looking() -> Finding:
        async with await asyncio.start_server(talks_plainly, "127.0.0.1", 0) as server:
            host, port = server.sockets[0].getsockname()
            endpoint = Endpoint(Kind.COMPATIBLE, f"https://{host}:{port}")
            return await check.look(endpoint)

    finding = asyncio.run(looking())
    assert finding.failure is not None
    assert "is it http:// in place of https://?" in finding.failure.text


def test_a_certificate_that_nobody_vouches_for_says_so() -> None:
    from agents.llm.transport import in_words

    error = ssl.SSLCertVerificationError()
    error.verify_message = "self-signed certificate"
    try:
        raise OSError("All connection attempts failed") from error
    except OSError as wrapped:
        said = in_words(wrapped)
    assert said == "its TLS certificate is not trusted: self-signed certificate"
