"""Which kind of error each vendor's words, codes and statuses mean."""

from __future__ import annotations

import pytest

from agents.llm.classification import kind_of, retry_after
from agents.policy.provider_retry import ErrorKind as Kind


@pytest.mark.parametrize(
    ("status", "codes", "text", "kind"),
    [
        # A code says more than a status.
        (429, ("insufficient_quota",), "You exceeded your current quota.", Kind.QUOTA),
        (
            400,
            ("enforced_spend_limit_reached", "invalid_request_error"),
            "",
            Kind.QUOTA,
        ),
        (400, ("context_length_exceeded",), "", Kind.CONTEXT_OVERFLOW),
        (400, ("content_filter",), "", Kind.REFUSAL),
        # A status says more than a vague code.
        (402, ("invalid_request_error", "unknown_error"), "Balance", Kind.QUOTA),
        (401, ("invalid_request_error",), "", Kind.AUTH),
        (500, ("invalid_request_error",), "", Kind.SERVER),
        # Words, where there is nothing else.
        (400, (), "prompt is too long: 9 tokens > 8 maximum", Kind.CONTEXT_OVERFLOW),
        (
            400,
            (),
            "the request exceeds the available context size",
            Kind.CONTEXT_OVERFLOW,
        ),
        (500, (), "the input exceeds the context length", Kind.CONTEXT_OVERFLOW),
        (429, (), "context length of many requests", Kind.RATE_LIMIT),
        (500, (), "error parsing tool call: raw='{'", Kind.INVALID_ARGUMENTS),
        # In mid-stream there is no status.
        (None, ("overloaded_error",), "", Kind.OVERLOADED),
        (None, ("invalid_request_error",), "", Kind.BAD_REQUEST),
        (None, ("api_error",), "", Kind.SERVER),
        (None, ("never_heard_of",), "", Kind.SERVER),
        (None, (), "", Kind.SERVER),
        # Statuses alone.
        (413, (), "", Kind.CONTEXT_OVERFLOW),
        (418, (), "", Kind.BAD_REQUEST),
        (301, (), "", Kind.BAD_REQUEST),
        (503, (), "", Kind.OVERLOADED),
        (529, (), "", Kind.OVERLOADED),
        (599, (), "", Kind.SERVER),
    ],
)
def test_an_error_is_told_by_code_then_words_then_status(
    status: int | None, codes: tuple[str, ...], text: str, kind: Kind
) -> None:
    assert kind_of(status, codes, text) is kind


# Wed, 21 Oct 2015 07:28:00 GMT
NOW = 1445412480.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:30 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:27:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Wed, 99 Oct 2015 07:28:30 GMT"}, None),
        ({"retry-after": "Wed, 21 Oct 99999 07:28:30 GMT"}, None),
        ({"retry-after": ""}, None),
    ],
    ids=str,
)
def test_a_wait_that_was_asked_for_is_understood_or_left_alone(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers, NOW) == seconds
