"""Answers that need not be sent twice: `ETag`, and 304 for who has the same already.

The tag is made of what would be answered, so a 304 is never wrong. Weak, because what
merely counts on (how long an agent has been up) is not in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags

# Follows from `started_at`, and differs with each look.
COUNTS_ON: Final = frozenset({"uptime"})

HEADER: Final[dict[str, Any]] = {
    "ETag": {
        "description": "Of what is answered, `uptime` left out. Send it back as "
        "`If-None-Match`, and 304 says that nothing is new.",
        "required": True,
        "schema": {"type": "string", "pattern": '^W/"[0-9a-f]{32}"$'},
    }
}


def tagged(header: dict[str, Any] = HEADER) -> dict[str, Any]:
    """For `openapi_extra`: what ninja does not say by itself. Ninja adds to it."""
    return {
        "parameters": [
            {
                "in": "header",
                "name": "If-None-Match",
                "required": False,
                "description": "ETags that are known already.",
                "schema": {"type": "string"},
            }
        ],
        "responses": {
            200: {"headers": header},
            304: {"description": "As it was.", "headers": header},
        },
    }


def unless_known(request: HttpRequest, answer: dict[str, Any], tag: str = "") -> Any:
    """What a route returns: the answer, to which `put` adds its tag, or 304.

    `tag`: its own, where it has one that says more than what is answered.
    """
    tag = tag or of(answer)
    known = parse_etags(request.headers.get("If-None-Match", ""))
    if "*" in known or _weak(tag) in {_weak(one) for one in known}:
        return _headed(HttpResponse(status=304), tag)
    tell(request, tag)
    return answer


def tell(request: HttpRequest, tag: str) -> None:
    """Have `put` add this tag to the answer."""
    request.etag = tag  # type: ignore[attr-defined]


def of(answer: Mapping[str, Any]) -> str:
    """The tag of an answer."""
    told = json.dumps(_lasting(answer), cls=DjangoJSONEncoder, sort_keys=True)
    return f'W/"{hashlib.sha256(told.encode()).hexdigest()[:32]}"'


def put(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The finished answer with its tag, where its route has one."""
    tag = getattr(request, "etag", None)
    return response if tag is None else _headed(response, tag)


def _headed(response: HttpResponse, tag: str) -> HttpResponse:
    response["ETag"] = tag
    response["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ["Authorization", "Cookie"])
    return response


def _weak(tag: str) -> str:
    return tag if tag.startswith("W/") else f"W/{tag}"


def _lasting(answer: Any) -> Any:
    if isinstance(answer, Mapping):
        return {
            key: _lasting(value)
            for key, value in answer.items()
            if key not in COUNTS_ON
        }
    return [_lasting(one) for one in answer] if isinstance(answer, list) else answer
