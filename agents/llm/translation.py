"""From what SDKs and the HTTP client raise to ProviderError.

Both SDKs come from one generator and raise alike, so one translation serves both.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from agents.llm.classification import kind_of, retry_after
from agents.llm.endpoint import Endpoint
from agents.llm.failure import Failure, ProviderError, shortened
from agents.llm.transport import in_words
from agents.policy.provider_retry import ErrorKind

UNREADABLE: Final = Failure(ErrorKind.SERVER, "what it sent cannot be read")


@contextmanager
def translated(endpoint: Endpoint) -> Iterator[None]:
    """Whatever is raised inside comes out as ProviderError, if it is understood.

    Without its cause: what an SDK raises holds the request, and so the key.
    """
    import httpx2

    try:
        yield
    except httpx2.HTTPError as error:
        failure = _from_transport(endpoint, error)
    except (httpx2.InvalidURL, httpx2.StreamError) as error:
        failure = Failure(ErrorKind.CONNECTION, shortened(str(error)))
    except (json.JSONDecodeError, UnicodeDecodeError):
        failure = UNREADABLE
    except Exception as error:
        if not hasattr(error, "body") or not hasattr(error, "request"):
            raise
        failure = _from_sdk(endpoint, error)
    else:
        return
    raise ProviderError(failure) from None


def said(
    endpoint: Endpoint,
    body: object,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    request_id: str = "",
) -> Failure:
    """The failure that a provider's error body means; `status` None in mid-stream."""
    error = body.get("error", body) if isinstance(body, Mapping) else body
    if not isinstance(error, Mapping):
        error = {"message": error if isinstance(error, str) else ""}
    details = error.get("details")
    detail = details.get("error_code") if isinstance(details, Mapping) else None
    found = (detail, error.get("code"), error.get("type"))
    codes = tuple(code for code in found if isinstance(code, str) and code)
    # Scrubbed first: of a key that is cut in two, no half would be found.
    text = shortened(endpoint.key.scrubbed(str(error.get("message") or "")))
    asked = retry_after(headers, time.time()) if headers else None
    kind = kind_of(status, codes, text)
    code = shortened(endpoint.key.scrubbed(codes[0])) if codes else ""
    return Failure(kind, text, status, code, asked, request_id)


def named(page: object) -> tuple[str, ...]:
    """The ids on a page of models, as both SDKs give one; raises ProviderError.

    From whatever is no list of models they make a page or a text without data.
    """
    data = getattr(page, "data", None)
    if not isinstance(data, list):
        raise ProviderError(UNREADABLE)
    return tuple(str(one.id) for one in data if getattr(one, "id", None))


def _from_transport(endpoint: Endpoint, error: Exception) -> Failure:
    import httpx2

    text = in_words(error) or endpoint.key.scrubbed(str(error)) or type(error).__name__
    text = shortened(f"{endpoint.base_url}: {text}")
    if isinstance(error, httpx2.TimeoutException):
        return Failure(ErrorKind.TIMEOUT, text)
    return Failure(ErrorKind.CONNECTION, text)


def _from_sdk(endpoint: Endpoint, error: Any) -> Failure:
    """From an APIError: with a response, from the connection, or out of a stream."""
    import httpx2

    cause = error.__cause__
    if isinstance(cause, httpx2.HTTPError):
        return _from_transport(endpoint, cause)
    response = getattr(error, "response", None)
    if response is None:
        if error.body is None:
            text = shortened(endpoint.key.scrubbed(str(error)))
            return Failure(ErrorKind.CONNECTION, text)
        return said(endpoint, error.body)
    # An error event in mid-stream comes with the response it broke into, a 200.
    status = error.status_code if error.status_code >= 300 else None
    return said(
        endpoint,
        error.body,
        status=status,
        headers=response.headers,
        request_id=getattr(error, "request_id", None) or "",
    )
