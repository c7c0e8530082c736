"""The fleet brake: one call that pauses everything, and one that lets it go on."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router

from agents.api.answers import answers
from agents.api.callers import needs
from agents.api.idempotency import documented, once
from agents.api.problems import Problem, invalid
from agents.api.schemas.brake import BrakeOut, PullIn, ReleaseIn
from agents.services import brake_pulls as services
from agents.services.brake import pulled
from agents.services.brake_pulls import CannotBrake, NotPulled, Pull
from agents.services.lifecycle import Asker
from agents.services.permissions import OPERATE
from agents.services.shapes import brake_shape

router = Router()


@router.get("brake", response=answers(BrakeOut), summary="The fleet brake")
def brake(request: HttpRequest) -> dict[str, Any]:
    """Whether it is pulled, by whom, when and why."""
    needs(request)
    return brake_shape(pulled())


@router.post(
    "brake",
    response=answers(BrakeOut),
    summary="Pull the fleet brake",
    openapi_extra=documented(),
)
def pull(request: HttpRequest, body: PullIn) -> HttpResponse:
    """No work begins any more, and nothing is started by schedules, batches or
    restarts, until it is released. Pulled twice, the first one counts and is answered.
    """
    caller = needs(request, OPERATE)
    asker = Asker(caller.actor, caller.via, body.reason)

    def act(name: str) -> HttpResponse:
        how = Pull(stop=body.stop, finish=body.finish)
        try:
            found, _ = services.pull(how, asker, caller.user_id)
        except CannotBrake as error:
            raise invalid({error.field: str(error)}) from None
        return JsonResponse(brake_shape(found))

    return once(request, caller, act)


@router.post(
    "brake/release",
    response=answers(BrakeOut, 409),
    summary="Release the fleet brake",
    openapi_extra=documented(),
)
def release(request: HttpRequest, body: ReleaseIn) -> HttpResponse:
    """Work begins again. With `go_on`, so does what the brake has ended."""
    caller = needs(request, OPERATE)
    asker = Asker(caller.actor, caller.via, body.reason)

    def act(name: str) -> HttpResponse:
        try:
            found = services.release(asker, go_on=body.go_on, user_id=caller.user_id)
        except CannotBrake as error:
            raise invalid({error.field: str(error)}) from None
        except NotPulled as error:
            raise Problem(409, str(error)) from None
        return JsonResponse(brake_shape(found))

    return once(request, caller, act)
