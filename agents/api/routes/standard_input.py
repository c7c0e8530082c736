"""The standard input of an agent's program."""

from __future__ import annotations

from dataclasses import asdict

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router

from agents.api.answers import answers
from agents.api.callers import needs
from agents.api.chosen import the_agent
from agents.api.idempotency import documented, once
from agents.api.problems import Problem
from agents.api.schemas.standard_input import InputIn, InputOut
from agents.services import audit, standard_input
from agents.services.permissions import OPERATE
from agents.services.standard_input import NoInput, NotRead, TooLong

router = Router()


@router.post(
    "agents/{name}/input",
    response=answers(InputOut, 404, 409),
    summary="Write to its standard input",
    openapi_extra=documented(),
)
def write(request: HttpRequest, name: str, body: InputIn) -> HttpResponse:
    """For programs whose set-up has `stdin` `fifo`. It is written whole or not at all,
    at once: 409 where nobody reads, as the detail says."""
    caller = needs(request, OPERATE)

    def act(_: str) -> HttpResponse:
        agent = the_agent(name)
        size = len(body.text.encode())
        # First, as what is written to a program cannot be taken back.
        words = f"Wrote {size:,} bytes to its input by {audit.door(caller)}."
        audit.changed(caller, [agent], words)
        try:
            return JsonResponse(asdict(standard_input.write(agent, body.text)))
        except NoInput as error:
            raise _refusal(error) from None

    return once(request, caller, act)


def _refusal(error: NoInput) -> Problem:
    if isinstance(error, TooLong):
        return Problem(413, str(error), errors={"text": str(error)})
    later = {"Retry-After": "1"} if isinstance(error, NotRead) else None
    return Problem(409, str(error), headers=later)
