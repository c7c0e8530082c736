"""The ends of locks: needed still, let go of, taken away by a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from asgiref.sync import sync_to_async
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router

from agents.api.answers import answers
from agents.api.callers import ASYNC_AUTH, needs, needs_for
from agents.api.idempotency import Once, begin, documented, once
from agents.api.problems import Problem, invalid, unknown
from agents.api.schemas.locks import LetGoIn, ListedLockOut, StealIn
from agents.api.waits import SEATS, follow
from agents.models import FileLock
from agents.models.choices import ClaimStateChoice
from agents.services import audit, lock_calls, lock_shapes, lock_taking, nodes
from agents.services.lifecycle import Asker
from agents.services.lock_taking import AtWork, NoReason, Person
from agents.services.locks import NotHeld
from agents.services.permissions import OPERATE
from agents.services.tokens import Caller

router = Router()
# Seconds.
INTERRUPTED_WITHIN: Final = 10.0


@router.post(
    "locks/{id}/renew",
    response=answers(ListedLockOut, 404, 409),
    summary="Say that it is still needed",
    openapi_extra=documented(),
)
def renew(request: HttpRequest, id: int) -> HttpResponse:
    """Where it has a lease, that is lengthened. 409 if it has ended: what it was held
    for must not be written any more. So it also tells whether a lock still stands."""
    caller = needs_for(request, _the_lock(id).claim.agent_name, OPERATE)
    return once(request, caller, lambda _: _answered(lambda: lock_calls.renew(id)))


@router.post(
    "locks/{id}/release",
    response=answers(ListedLockOut, 404, 409),
    summary="Let go of it",
    openapi_extra=documented(),
)
def release(request: HttpRequest, id: int, body: LetGoIn | None = None) -> HttpResponse:
    """Who waits for it gets it. Released before is no error; 409 if it has ended
    otherwise. What somebody else has asked for is released with a `reason`, and with
    it all of its claim; 409 while a task works with it."""
    lock = _the_lock(id)
    caller = needs_for(request, lock.claim.agent_name, OPERATE)
    reason = body.reason if body else ""

    def act() -> FileLock:
        if caller.is_run or lock.claim.asked_by == caller.actor:
            return lock_calls.release(id)
        return lock_taking.release(id, _person(caller, reason))

    return once(request, caller, lambda _: _answered(act))


@router.post(
    "locks/{id}/steal",
    response=answers(ListedLockOut, 404, 409),
    auth=ASYNC_AUTH,
    summary="Take it away from who holds it",
    openapi_extra=documented(),
)
async def steal(request: HttpRequest, id: int, body: StealIn) -> HttpResponse:
    """With all of its claim. A task that works with it is interrupted first: the
    answer waits for that for some seconds, and has the state `held` if it lasts
    longer. Who waits gets it then, with a higher fence."""
    caller = needs(request, OPERATE)
    with SEATS.one():
        first, interrupted = await sync_to_async(_steal)(request, caller, id, body)
        if first.replay is not None:
            return first.replay
        if interrupted:
            await follow(lock_calls.EndOfLock(id), INTERRUPTED_WITHIN)
        return await sync_to_async(_stolen)(first, id)


def _steal(
    request: HttpRequest, caller: Caller, number: int, body: StealIn
) -> tuple[Once, bool]:
    """Whether there is an end to wait for."""
    with transaction.atomic():
        first = begin(request, caller)
        if first.replay is not None:
            return first, False
        lock = _the_lock(number)
        if not (first.name and lock.claim.taken_by == caller.actor):
            person = _person(caller, body.reason)
            lock = _done(lambda: lock_taking.steal(number, person))
        agent = lock.claim.agent
        ends = lock.claim.state != ClaimStateChoice.ENDED
        return first, ends and agent is not None and nodes.is_there(agent.node)


def _stolen(first: Once, number: int) -> HttpResponse:
    return first.keep(_answered(lambda: lock_calls.lock(number)))


def _person(caller: Caller, reason: str) -> Person:
    assert caller.user_id is not None
    asker = Asker(caller.actor, caller.via, reason)
    return Person(asker, caller.user_id, audit.door(caller))


def _answered(act: Callable[[], FileLock]) -> HttpResponse:
    return JsonResponse(lock_shapes.listed([_done(act)])[0])


def _done(act: Callable[[], FileLock]) -> FileLock:
    try:
        return act()
    except (NotHeld, AtWork) as error:
        raise Problem(409, str(error)) from None
    except NoReason as error:
        raise invalid({"reason": str(error)}) from None


def _the_lock(number: int) -> FileLock:
    found = lock_shapes.readable(FileLock.objects.filter(pk=number)).first()
    if found is None:
        raise unknown("lock", number)
    return found
