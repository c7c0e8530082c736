"""The audit: who did what, by hand and by which token."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from ninja import Query, Router

from agents.api.answers import answers
from agents.api.callers import needs
from agents.api.paging import PageOut, cursor, place_of
from agents.api.schemas.audit import AuditIn, AuditOut
from agents.services import audit_trail
from agents.services.audit_trail import Place
from agents.services.permissions import AUDIT
from agents.services.shapes import utc

router = Router()
WHOSE: Final = "audit"


@router.get(
    "audit", response=answers(PageOut[AuditOut]), summary="Who did what, newest first"
)
def acts(request: HttpRequest, asked: Query[AuditIn]) -> dict[str, Any]:
    """Requests and changes as one list, for those who may view the audit log."""
    needs(request, AUDIT)
    place = place_of(asked, WHOSE)
    found, after = audit_trail.newest(
        asked.limit, place and Place(*place), asked.actor, asked.object
    )
    items = [
        {
            "at": utc(one.at),
            "actor": one.actor,
            "via": one.via,
            "action": one.action,
            "object_type": one.object_type,
            "object": one.object,
            "detail": one.detail,
            "outcome": one.outcome,
        }
        for one in found
    ]
    return {"items": items, "next": after and cursor(asked, WHOSE, *after)}
