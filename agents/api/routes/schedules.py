"""Schedules: looked at by who may look, written by who may configure agents."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.models import ADDITION, DELETION
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from ninja import Query, Router, Status

from agents.api import etags
from agents.api.answers import answers
from agents.api.callers import needs
from agents.api.idempotency import documented, once
from agents.api.paging import Order, PageIn, PageOut, part
from agents.api.problems import invalid, unknown
from agents.api.schemas.schedules import ScheduleChangeIn, ScheduleIn, ScheduleOut
from agents.api.schemas.setup import CREATED
from agents.models import Schedule
from agents.policy.dependencies import listed
from agents.services import audit, schedules
from agents.services.permissions import CONFIGURE
from agents.services.schedule_shapes import schedule_shape

router = Router()


@router.get(
    "schedules",
    response=answers(PageOut[ScheduleOut]),
    summary="The schedules",
    openapi_extra=etags.tagged(),
)
def all_of_them(request: HttpRequest, asked: Query[PageIn]) -> Any:
    """By name, in pages."""
    needs(request)
    rows = Schedule.objects.all()
    found = part(rows, Order("name", tie="name"), asked, "schedules")
    items = [schedule_shape(one) for one in found.rows]
    return etags.unless_known(request, {"items": items, "next": found.next})


@router.get(
    "schedules/{name}",
    response=answers(ScheduleOut, 404),
    summary="One schedule",
    url_name="schedule",
    openapi_extra=etags.tagged(),
)
def one_of_them(request: HttpRequest, name: str) -> Any:
    """What it does and when, and what came of its latest time."""
    needs(request)
    return etags.unless_known(request, schedule_shape(_named(name)))


@router.post(
    "schedules",
    response=answers(ScheduleOut, status=201),
    summary="Make a schedule",
    openapi_extra=documented(responses=CREATED),
)
def make(request: HttpRequest, body: ScheduleIn) -> HttpResponse:
    """From now on its times are kept, if it is enabled; missed ones are noted."""
    caller = needs(request, CONFIGURE)

    def act(_: str) -> HttpResponse:
        made = Schedule(**body.model_dump(), created_by=caller.actor)
        schedules.save(made)
        audit.changed(caller, [made], f"Made by {audit.door(caller)}.", ADDITION)
        address = reverse("api:schedule", args=[made.name])
        shape = schedule_shape(made)
        return JsonResponse(shape, status=201, headers={"Location": address})

    return once(request, caller, act)


@router.patch(
    "schedules/{name}",
    response=answers(ScheduleOut, 404),
    summary="Change a schedule",
)
def change(request: HttpRequest, name: str, body: ScheduleChangeIn) -> dict[str, Any]:
    """What is left out stays. Its times are kept as it says from now on."""
    caller = needs(request, CONFIGURE)
    given = body.model_dump(exclude_unset=True)
    for key, value in given.items():
        if value is None and key != "timeout":
            raise invalid({key: "It cannot be null. Leave it out to keep what is."})
    with transaction.atomic():
        schedule = _named(name, locked=True)
        keys = [key for key in given if getattr(schedule, key) != given[key]]
        for key in keys:
            setattr(schedule, key, given[key])
        if keys:
            schedules.save(schedule)
            words = f"Changed {listed(keys, len(keys))} by {audit.door(caller)}."
            audit.changed(caller, [schedule], words)
    return schedule_shape(schedule)


@router.delete(
    "schedules/{name}",
    response=answers(None, 404, status=204),
    summary="Delete a schedule",
)
def delete(request: HttpRequest, name: str) -> Status[None]:
    """What it has asked for stays in the records."""
    caller = needs(request, CONFIGURE)
    with transaction.atomic():
        schedule = _named(name, locked=True)
        words = f"Deleted by {audit.door(caller)}."
        audit.changed(caller, [schedule], words, DELETION)
        schedules.delete(schedule)
    return Status(204, None)


def _named(name: str, *, locked: bool = False) -> Schedule:
    rows = Schedule.objects.select_for_update() if locked else Schedule.objects
    found = rows.filter(name=name).first()
    if found is None:
        raise unknown("schedule", name)
    return found
