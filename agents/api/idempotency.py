"""`Idempotency-Key`: a request that is sent again does nothing again.

Its first answer is given for a day. What was refused is not kept: nothing came of it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from agents.api.problems import Problem, invalid
from agents.services import first_answers
from agents.services.first_answers import Answer, Claim
from agents.services.tokens import Caller

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
PATTERN: Final = r"^[!-~]([ -~]{0,98}[!-~])?$"
_KEPT_HEADERS: Final = ("Location",)


def documented(**more: Any) -> dict[str, Any]:
    """For `openapi_extra`: the header, which ninja does not know of."""
    parameter = {
        "in": "header",
        "name": HEADER,
        "required": False,
        "description": "1 to 100 printable ASCII characters of your choice. For 24 "
        "hours the same request with the same key gives the first answer, with "
        f"`{REPLAYED}: true`; another request with it is refused (422).",
        "schema": {"type": "string", "pattern": PATTERN},
    }
    return {"parameters": [parameter], **more}


@dataclass(frozen=True, slots=True)
class Once:
    """One request. `replay`: its first answer, if it came before and has one.

    `name`: under which services know it; empty without a key.
    """

    claim: Claim | None

    @property
    def name(self) -> str:
        return self.claim.name if self.claim else ""

    @property
    def replay(self) -> HttpResponse | None:
        first = self.claim.answer if self.claim else None
        return None if first is None else _again(first)

    def keep(self, response: HttpResponse) -> HttpResponse:
        """Keep it as the first answer, or give the one that another kept before."""
        if self.claim is None:
            return response
        mine = Answer(
            response.status_code,
            response.headers["Content-Type"],
            response.content,
            _lasting(response.headers),
        )
        kept = first_answers.keep(self.claim.pk, mine)
        return response if kept == mine else _again(kept)


def begin(request: HttpRequest, caller: Caller) -> Once:
    """What this request is; call it in the transaction that acts. Raises Problem."""
    key = request.headers.get(HEADER)
    if key is None:
        return Once(None)
    if not re.match(PATTERN, key):
        raise invalid({HEADER: "Give 1 to 100 printable ASCII characters."})
    told = b"\0".join(
        (
            str(request.method).encode(),
            request.get_full_path().encode("utf-8", "replace"),
            request.body,
        )
    )
    question = hashlib.sha256(told).hexdigest()
    try:
        return Once(first_answers.claim(caller.key_owner, key, question))
    except first_answers.OtherQuestion as error:
        raise Problem(422, str(error), errors={HEADER: str(error)}) from None


def once(
    request: HttpRequest, caller: Caller, act: Callable[[str], HttpResponse]
) -> HttpResponse:
    """Act and keep the answer in one transaction, or give the first answer.

    `act` is given the name that services know the request by. What it raises undoes
    everything, the use of the key included.
    """
    with transaction.atomic():
        first = begin(request, caller)
        return first.replay or first.keep(act(first.name))


def _again(first: Answer) -> HttpResponse:
    headers = {**first.headers, REPLAYED: "true"}
    return HttpResponse(
        first.body,
        status=first.status,
        content_type=first.content_type,
        headers=headers,
    )


def _lasting(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in _KEPT_HEADERS if name in headers}
