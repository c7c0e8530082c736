"""What is answered when a call cannot be done: RFC 9457, with words that help.

What may enter: how refusals of services become answers. Routes raise `Problem`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, ValidationError
from django.db import OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError
from ninja.errors import ValidationError as Unreadable
from pydantic import ConfigDict, Field

logger = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
TYPE: Final = "urn:agenthub:problem:"

# What a `type` ends with, and its title, by status.
KINDS: Final[Mapping[int, tuple[str, str]]] = {
    400: ("unreadable", "The request cannot be read"),
    401: ("not-signed-in", "Nobody is signed in"),
    403: ("not-allowed", "This is not allowed"),
    404: ("not-found", "There is no such thing"),
    405: ("wrong-method", "The address knows no such method"),
    409: ("conflict", "This cannot be done as things are"),
    412: ("changed-meanwhile", "It is not any more as you know it"),
    413: ("too-large", "The request is too large"),
    415: ("wrong-media-type", "The body is not JSON"),
    422: ("invalid", "Something in the request has to be changed"),
    429: ("too-many", "Too many attempts"),
    500: ("broken", "The hub has made a mistake"),
    503: ("not-ready", "The hub cannot do this now"),
}


class FieldProblem(Schema):
    """What is wrong with one field: its name, where it is nested with dots."""

    field: str
    detail: str


class ProblemOut(Schema):
    """Why the call was refused, and what to change. Some have more members."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="Stable, to be compared.", examples=[TYPE + "x"])
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = Field(description="Empty unless fields are wrong.")


class Problem(Exception):
    """Raise it to refuse. `more`: members beside the usual ones."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.errors = dict(errors or {})
        self.headers = dict(headers or {})
        self.more = dict(more or {})


def invalid(errors: Mapping[str, str]) -> Problem:
    """Something is wrong with these fields."""
    told = "; ".join(f"{field}: {text}" for field, text in errors.items())
    return Problem(422, told, errors=errors)


def unknown(kind: str, name: object) -> Problem:
    """There is no such agent, task or whatever it is."""
    return Problem(404, f"There is no {kind} {name!r}.")


def answer(problem: Problem) -> JsonResponse:
    """The HTTP answer of a refusal."""
    kind, title = KINDS.get(problem.status, ("other", "This cannot be done"))
    body = {
        "type": TYPE + kind,
        "title": title,
        "status": problem.status,
        "detail": problem.detail,
        "errors": [
            {"field": field, "detail": detail}
            for field, detail in problem.errors.items()
        ],
    } | problem.more
    return JsonResponse(
        body, status=problem.status, content_type=MEDIA_TYPE, headers=problem.headers
    )


def teach(api: NinjaAPI) -> None:
    """Have the API answer every exception as a problem."""
    told: Sequence[tuple[type[Exception], Any]] = (
        (Problem, lambda problem: problem),
        (Unreadable, _unreadable),
        (ValidationError, _refused_by_a_model),
        (AuthenticationError, _nobody),
        (HttpError, lambda error: Problem(error.status_code, _sentence(str(error)))),
        (Http404, lambda error: Problem(404, str(error) or "There is no such thing.")),
        (OperationalError, _no_database),
        (RequestDataTooBig, _too_large),
        (Exception, _broken),
    )
    for kind, problem_of in told:
        api.add_exception_handler(kind, _handler(problem_of))


def _handler(problem_of: Any) -> Any:
    def handle(request: HttpRequest, error: Exception) -> JsonResponse:
        return answer(problem_of(error))

    return handle


def _unreadable(error: Unreadable) -> Problem:
    """Pydantic's complaints; the place without which argument of ours it was."""
    errors: dict[str, str] = {}
    for one in error.errors:
        source, *place = one["loc"]
        # A body is one argument of the route, whose name says nothing to a caller.
        if source in {"body", "query"} and len(place) > 1:
            place = place[1:]
        field = ".".join(str(part) for part in place) or str(source)
        errors.setdefault(field, _sentence(one["msg"]))
    return invalid(errors)


def _refused_by_a_model(error: ValidationError) -> Problem:
    if not hasattr(error, "error_dict"):
        return Problem(422, " ".join(error.messages))
    return invalid(
        {
            ("request" if field == "__all__" else field): " ".join(messages)
            for field, messages in error.message_dict.items()
        }
    )


def _nobody(error: AuthenticationError) -> Problem:
    return Problem(
        401,
        "Send a token as `Authorization: Bearer …`. "
        "`manage.py apitoken USER` makes one.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _no_database(error: OperationalError) -> Problem:
    return Problem(
        503,
        f"The database does not answer ({error}). Nothing was recorded; try again.",
        headers={"Retry-After": "2"},
    )


def _too_large(error: RequestDataTooBig) -> Problem:
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
    return Problem(413, f"The body has more than {most:,} bytes. Send less at once.")


def _broken(error: Exception) -> Problem:
    logger.error("a call of the API has failed", exc_info=error)
    return Problem(500, "The hub's log says what has happened.")


def _sentence(text: str) -> str:
    text = text.removeprefix("Value error, ")
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
