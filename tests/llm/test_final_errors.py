"""What is refused, by every provider that can: it is not asked again."""

from __future__ import annotations

import pytest

from agents.llm.endpoint import Kind
from agents.policy.provider_retry import ErrorKind
from tests.harness.llm.answers import Answer, Refusal, Say
from tests.llm.vendors import (
    Vendor,
    ask,
    every_vendor,
    without,
)


@without(Kind.OLLAMA)
def test_a_refused_key_is_final(vendor: Vendor) -> None:
    heard = ask(vendor, Refusal(401))
    assert heard.failure.kind is ErrorKind.AUTH and heard.failure.status == 401
    assert str(heard.failure) == "the key was refused: This is a 401. (HTTP 401)"
    assert len(heard.requests) == 1 and not heard.retries


@without(Kind.OLLAMA)
def test_an_empty_account_is_final(vendor: Vendor) -> None:
    heard = ask(vendor, Refusal(402, text="Insufficient Balance"))
    assert heard.failure.kind is ErrorKind.QUOTA
    assert "Insufficient Balance" in str(heard.failure)
    assert len(heard.requests) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ErrorKind.BAD_REQUEST),
        (403, ErrorKind.PERMISSION),
        (404, ErrorKind.NOT_FOUND),
        (422, ErrorKind.BAD_REQUEST),
        (307, ErrorKind.BAD_REQUEST),
    ],
)
@every_vendor
def test_a_request_that_cannot_succeed_is_made_once(
    vendor: Vendor, status: int, kind: ErrorKind
) -> None:
    headers = {"Location": "http://127.0.0.1:9/elsewhere"}
    heard = ask(vendor, Refusal(status, headers))
    assert heard.failure.kind is kind and heard.failure.status == status
    assert len(heard.requests) == 1


TOO_LONG = {
    Kind.ANTHROPIC: "prompt is too long: 213412 tokens > 200000 maximum",
    Kind.OPENAI: "Your input exceeds the context window of this model.",
    Kind.DEEPSEEK: "This model's maximum context length is 65536 tokens.",
    Kind.COMPATIBLE: "This model's maximum context length is 8192 tokens.",
    Kind.OLLAMA: "prompt too long; exceeded max context length by 34 tokens",
}


@every_vendor
def test_a_conversation_too_long_to_begin_is_known_as_such(vendor: Vendor) -> None:
    heard = ask(vendor, Refusal(400, text=TOO_LONG[vendor.kind]))
    assert heard.failure.kind is ErrorKind.CONTEXT_OVERFLOW
    assert len(heard.requests) == 1


@without(Kind.DEEPSEEK, Kind.COMPATIBLE, Kind.OLLAMA)
def test_a_context_that_is_full_in_mid_answer_is_known_as_such(vendor: Vendor) -> None:
    heard = ask(vendor, Answer(stop="context"))
    assert heard.failure.kind is ErrorKind.CONTEXT_OVERFLOW
    assert heard.end.usage == vendor.usage
    assert len(heard.requests) == 1


@without(Kind.OLLAMA)
def test_a_refusal_of_the_model_is_final_and_paid(vendor: Vendor) -> None:
    heard = ask(vendor, Answer((Say(("I will not do that.",)),), stop="refusal"))
    assert heard.failure.kind is ErrorKind.REFUSAL
    assert heard.failure.text == "I will not do that."
    assert heard.end.usage == vendor.usage
    assert len(heard.requests) == 1
