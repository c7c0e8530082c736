"""The hub itself: its health for whoever asks, its figures for Prometheus."""

from __future__ import annotations

from typing import Any, Final

from django.db import Error
from django.http import HttpRequest, HttpResponse
from ninja import Router, Status

from agents.api.answers import answers
from agents.api.callers import needs, whoever
from agents.api.problems import ProblemOut
from agents.api.schemas.watching import HealthOut
from agents.services import brake, hub_health, metrics
from agents.services.permissions import VIEW
from agents.services.shapes import brake_shape

router = Router()

FIGURES: Final[dict[str, Any]] = {
    "responses": {
        200: {
            "description": "Prometheus' text format 0.0.4.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        }
    }
}


@router.get(
    "healthz",
    auth=None,
    response={200: HealthOut, 503: HealthOut, 401: ProblemOut, 429: ProblemOut},
    summary="Whether the hub works",
)
def healthz(request: HttpRequest) -> Status[dict[str, Any]]:
    """200 if it is ready, else 503. No token is needed; a wrong one is refused."""
    health = hub_health.look()
    told: dict[str, Any] = {
        "status": health.status,
        "live": health.live,
        "ready": health.ready,
        "reasons": None,
        "brake": None,
    }
    if _may_look(request):
        told |= {"reasons": health.reasons, "brake": _brake()}
    return Status(200 if health.ready else 503, told)


def _brake() -> dict[str, Any] | None:
    try:
        return brake_shape(brake.pulled())
    except Error:
        return None


def _may_look(request: HttpRequest) -> bool:
    try:
        caller = whoever(request)
    except Error:  # Nobody can be known now, which is what is told.
        return False
    return caller is not None and caller.may(VIEW)


@router.get(
    "metrics",
    response=answers(None, status=200),
    openapi_extra=FIGURES,
    summary="Figures for Prometheus",
)
def figures(request: HttpRequest) -> HttpResponse:
    """All that is worth a curve: agents, tasks, tokens and money."""
    needs(request)
    return HttpResponse(metrics.text(), content_type=metrics.MEDIA_TYPE)
