"""Which kind of error a provider's status, code and words mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

from agents.policy.provider_retry import ErrorKind

# Codes that say more than the status they come with, and that also come in
# mid-stream, where there is none.
CODES: Final = {
    "authentication_error": ErrorKind.AUTH,
    "invalid_api_key": ErrorKind.AUTH,
    "permission_error": ErrorKind.PERMISSION,
    "billing_error": ErrorKind.QUOTA,
    "insufficient_quota": ErrorKind.QUOTA,
    "contract_spend_limit_reached": ErrorKind.QUOTA,
    "enforced_spend_limit_reached": ErrorKind.QUOTA,
    "linked_organization_spend_limit_reached": ErrorKind.QUOTA,
    "linked_organization_billing_unavailable": ErrorKind.QUOTA,
    "rate_limit_error": ErrorKind.RATE_LIMIT,
    "rate_limit_exceeded": ErrorKind.RATE_LIMIT,
    "overloaded_error": ErrorKind.OVERLOADED,
    "server_is_overloaded": ErrorKind.OVERLOADED,
    "slow_down": ErrorKind.OVERLOADED,
    "insufficient_system_resource": ErrorKind.OVERLOADED,
    "timeout_error": ErrorKind.TIMEOUT,
    "not_found_error": ErrorKind.NOT_FOUND,
    "model_not_found": ErrorKind.NOT_FOUND,
    "context_length_exceeded": ErrorKind.CONTEXT_OVERFLOW,
    "exceed_context_size_error": ErrorKind.CONTEXT_OVERFLOW,
    "request_too_large": ErrorKind.CONTEXT_OVERFLOW,
    "content_filter": ErrorKind.REFUSAL,
    "content_policy_violation": ErrorKind.REFUSAL,
    "invalid_prompt": ErrorKind.REFUSAL,
    "bio_policy": ErrorKind.REFUSAL,
    "cyber_policy": ErrorKind.REFUSAL,
    "misalignment_policy_violation": ErrorKind.REFUSAL,
}
# These are sent along with statuses that say more than they do.
VAGUE_CODES: Final = {
    "invalid_request_error": ErrorKind.BAD_REQUEST,
    "api_error": ErrorKind.SERVER,
    "server_error": ErrorKind.SERVER,
}
STATUSES: Final = {
    401: ErrorKind.AUTH,
    402: ErrorKind.QUOTA,
    403: ErrorKind.PERMISSION,
    404: ErrorKind.NOT_FOUND,
    408: ErrorKind.TIMEOUT,
    409: ErrorKind.SERVER,
    413: ErrorKind.CONTEXT_OVERFLOW,
    425: ErrorKind.SERVER,
    429: ErrorKind.RATE_LIMIT,
    503: ErrorKind.OVERLOADED,
    504: ErrorKind.TIMEOUT,
    529: ErrorKind.OVERLOADED,
}
# For a conversation that is too long most have no code, only words.
_TOO_LONG: Final = re.compile(
    r"prompt (is )?too long|maximum context length|context[ _](length|window|size)"
    r"|exceeds? the (model's )?(available )?context|input is too long",
    re.IGNORECASE,
)
_BAD_TOOL_CALL: Final = re.compile(r"parsing tool call", re.IGNORECASE)


def kind_of(status: int | None, codes: tuple[str, ...], text: str) -> ErrorKind:
    """The kind. `status` None: it came in mid-stream, after a 200."""
    for code in codes:
        if code in CODES:
            return CODES[code]
    if _BAD_TOOL_CALL.search(text):
        return ErrorKind.INVALID_ARGUMENTS
    if status not in STATUSES and _TOO_LONG.search(text):
        return ErrorKind.CONTEXT_OVERFLOW
    if status in STATUSES:
        return STATUSES[status]
    if status is None:
        vague = (VAGUE_CODES[code] for code in codes if code in VAGUE_CODES)
        return next(vague, ErrorKind.SERVER)
    return ErrorKind.SERVER if status >= 500 else ErrorKind.BAD_REQUEST


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds the provider asks to wait; `now` is the wall clock, for a date.

    None when it asks for nothing, or for nothing that can be understood.
    """
    millis = _number(headers.get("retry-after-ms", ""))
    if millis is not None:
        return millis / 1000.0
    value = headers.get("retry-after", "")
    seconds = _number(value)
    if seconds is not None or not value:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except ValueError:
        return None


def _number(text: str) -> float | None:
    # As RFC 9110 has it, and milliseconds as two vendors do: digits.
    return float(text) if re.fullmatch(r"\d{1,12}(\.\d{1,6})?", text.strip()) else None
