"""Barriers: made, looked at, arrived at, reset and deleted."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.contrib.admin.models import ADDITION, CHANGE, DELETION
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Query, Router

from agents.api import etags
from agents.api.answers import answers
from agents.api.callers import ASYNC_AUTH, caller_of, needs, needs_for
from agents.api.chosen import peoples, the_agent
from agents.api.idempotency import Once, begin, documented, once
from agents.api.meetings import SEATS, Watch
from agents.api.paging import Order, PageOut, part
from agents.api.problems import Problem, invalid, unknown
from agents.api.schemas.barrier import (
    ArriveIn,
    BarrierAsked,
    BarrierIn,
    BarrierOut,
    BarriersIn,
    ResetIn,
    StandingOut,
)
from agents.models import Barrier, Round, Run
from agents.services import audit, barriers
from agents.services.barrier_shapes import (
    barrier_shape,
    current_rounds,
    one_round,
    standing_shape,
)
from agents.services.barriers import BadBarrier, BarrierTaken, NotExpected, StillMet
from agents.services.permissions import OPERATE
from agents.services.rounds import Standing
from agents.services.tokens import Caller

router = Router()
BY_NAME: Final = Order("name", tie="name")


@router.get(
    "barriers",
    response=answers(PageOut[BarrierOut]),
    summary="The barriers",
    openapi_extra=etags.tagged(),
)
def listed(request: HttpRequest, asked: Query[BarriersIn]) -> Any:
    """Each with the round it is at."""
    needs(request)
    found = part(Barrier.objects.all(), BY_NAME, asked, "barriers")
    at = current_rounds(found.rows)
    items = [barrier_shape(one, at.get(one.pk)) for one in found.rows]
    return etags.unless_known(request, {"items": items, "next": found.next})


@router.post(
    "barriers",
    response={**answers(BarrierOut, 409), 201: BarrierOut},
    summary="Make one",
    openapi_extra=documented(),
)
def made(request: HttpRequest, body: BarrierIn) -> HttpResponse:
    """201; 200 where there is one of this name that is the same in all."""
    caller = needs(request, OPERATE)

    def act(_: str) -> HttpResponse:
        try:
            barrier, new = barriers.make(
                body.name,
                body.parties,
                by=caller.actor,
                timeout=body.timeout,
                on_failure=body.on_failure,
            )
        except BarrierTaken as error:
            raise Problem(409, str(error)) from None
        except BadBarrier as error:
            raise invalid({error.field: str(error)}) from None
        if new:
            audit.changed(caller, [barrier], f"Made by {audit.door(caller)}.", ADDITION)
        shape = barrier_shape(barrier, current_rounds([barrier]).get(barrier.pk))
        response = JsonResponse(shape, status=201 if new else 200)
        response["Location"] = f"/api/v1/barriers/{barrier.name}"
        return response

    return once(request, caller, act)


@router.get(
    "barriers/{name}",
    response=answers(BarrierOut, 404),
    auth=ASYNC_AUTH,
    summary="One barrier",
)
async def one(request: HttpRequest, name: str, asked: Query[BarrierAsked]) -> Any:
    """And how its round is, the current one if none is named. With `wait`, as soon as
    that is over. The token of a run may ask for barriers that its agent meets at."""
    caller = caller_of(request)
    number = await sync_to_async(_look_at)(request, caller, name, asked.generation)
    if asked.wait:
        with SEATS.one():
            await Watch.of_this_loop().until_over((name, number), asked.wait)
    return JsonResponse(await sync_to_async(_shape)(name, number))


def _look_at(
    request: HttpRequest, caller: Caller, name: str, generation: int | None
) -> int:
    """Which round is meant; a Problem for who may not look, or if there is none."""
    if not caller.is_run:
        needs(request)
    barrier = Barrier.objects.filter(name=name).first()
    members = barrier.members if barrier else []
    if caller.is_run and (barrier is None or (members and caller.agent not in members)):
        raise Problem(403, f"{caller.agent} does not meet anybody at {name!r}.")
    if barrier is None:
        raise unknown("barrier", name)
    number = generation or barrier.generation
    if number > barrier.generation:
        raise Problem(404, f"{name} has no round {number} yet.")
    return number


def _shape(name: str, generation: int) -> dict[str, Any]:
    barrier = Barrier.objects.filter(name=name).first()
    if barrier is None:
        raise unknown("barrier", name)
    return barrier_shape(barrier, one_round(barrier, generation), generation)


@dataclass(frozen=True, slots=True)
class Come:
    """Somebody has arrived. `standing`: how that round was then."""

    once: Once
    standing: Standing | None


@router.post(
    "barriers/{name}/arrive",
    response=answers(StandingOut, 404, 409),
    auth=ASYNC_AUTH,
    summary="Arrive there",
    openapi_extra=documented(),
)
async def arrive(request: HttpRequest, name: str, body: ArriveIn) -> HttpResponse:
    """An agent is there; answered is how the round stands then, or once it is over.

    `state` says what came of it: `tripped`: all were there. `broken`, `timed_out`: not
    all come, for `reason`; nobody arrives there before it is reset. `waiting`: the time
    to wait was over, and the arrival stands. An agent's own run arrives for that agent.
    """
    caller = needs_for(request, body.agent, OPERATE)
    if not body.wait:
        come = await sync_to_async(_come)(request, caller, name, body, keep=True)
        return come.once.replay or _answer(come.standing)
    with SEATS.one():
        come = await sync_to_async(_come)(request, caller, name, body, keep=False)
        if come.once.replay is not None or come.standing is None:
            return come.once.replay or _answer(come.standing)
        told = await _over(come.standing, body.wait)
    response = _answer(told)
    if come.once.claim is None:
        return response
    return await sync_to_async(come.once.keep)(response)


async def _over(come: Standing, wait: float) -> Standing:
    if come.state != "waiting":
        return come
    place = (come.barrier, come.generation)
    over = await Watch.of_this_loop().until_over(place, wait)
    return over or await sync_to_async(_now)(come)


def _now(come: Standing) -> Standing:
    try:
        return barriers.standing(come.barrier, come.generation)
    except (Barrier.DoesNotExist, Round.DoesNotExist):
        return come


def _come(
    request: HttpRequest, caller: Caller, name: str, body: ArriveIn, *, keep: bool
) -> Come:
    with transaction.atomic():
        first = begin(request, caller)
        if first.replay is not None:
            return Come(first, None)
        agent = peoples(the_agent(body.agent))
        try:
            standing = barriers.arrive(
                name, agent.pk, _run_of(caller, agent.pk), body.generation
            )
        except Barrier.DoesNotExist:
            raise unknown("barrier", name) from None
        except Round.DoesNotExist as error:
            raise Problem(404, f"{error} yet.") from None
        except NotExpected as error:
            raise Problem(409, str(error)) from None
        if agent.name in standing.arrived:
            words = f"{agent.name} arrived in round {standing.generation}"
            told = f"{words} by {audit.door(caller)}."
            audit.changed(caller, [Barrier.objects.get(name=name)], told, CHANGE)
        if keep:
            first.keep(_answer(standing))
        return Come(first, standing)


def _run_of(caller: Caller, agent_id: int) -> uuid.UUID | None:
    """By which run it arrives: who calls, else the live one, if it has one."""
    if caller.is_run:
        return uuid.UUID(caller.run_id)
    live = Run.objects.filter(agent=agent_id, ended_at=None)
    return live.values_list("pk", flat=True).first()


def _answer(standing: Standing | None) -> HttpResponse:
    assert standing is not None, "who has come stands somewhere"
    return JsonResponse(standing_shape(standing))


@router.post(
    "barriers/{name}/reset",
    response=answers(StandingOut, 404),
    summary="Begin a new round",
    openapi_extra=documented(),
)
def reset(request: HttpRequest, name: str, body: ResetIn | None = None) -> HttpResponse:
    """Who waits in the current one is told that it is broken, by whom and why."""
    caller, reason = needs(request, OPERATE), body.reason if body else ""

    def act(_: str) -> HttpResponse:
        try:
            standing = barriers.reset(name, caller.actor, reason)
        except Barrier.DoesNotExist:
            raise unknown("barrier", name) from None
        words = f"Reset by {audit.door(caller)}" + (f": {reason}" if reason else ".")
        audit.changed(caller, [Barrier.objects.get(name=name)], words)
        return _answer(standing)

    return once(request, caller, act)


@router.delete(
    "barriers/{name}",
    response={**answers(None, 404, 409, status=204)},
    summary="Delete one",
)
def deleted(request: HttpRequest, name: str) -> HttpResponse:
    """With all its rounds. 409 while somebody waits there: reset it first."""
    caller = needs(request, OPERATE)
    with transaction.atomic():
        barrier = Barrier.objects.filter(name=name).first()
        if barrier is None:
            raise unknown("barrier", name)
        words = f"Deleted by {audit.door(caller)}."
        audit.changed(caller, [barrier], words, DELETION)
        try:
            barriers.delete(name)
        except StillMet as error:
            raise Problem(409, str(error)) from None
    return HttpResponse(status=204)
