"""Locks on files: who has which, and asking for them in an agent's name."""

from __future__ import annotations

import asyncio
import uuid
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Query, Router

from agents.api import etags
from agents.api.answers import answers
from agents.api.callers import ASYNC_AUTH, needs_for
from agents.api.chosen import the_agent
from agents.api.idempotency import Once, begin, documented, once
from agents.api.paging import Order, PageOut, part
from agents.api.problems import Problem
from agents.api.schemas.locks import (
    ListedLockOut,
    LockIn,
    LockProblemOut,
    LocksIn,
    LocksOut,
)
from agents.api.waits import SEATS, follow
from agents.models import FileLock
from agents.models.choices import ClaimStateChoice
from agents.policy.globs import BadPattern
from agents.policy.lock_queue import Mode
from agents.services import (
    audit,
    figures,
    lock_calls,
    lock_news,
    lock_paths,
    lock_shapes,
)
from agents.services.lock_calls import Asking, LockWait, NoLiveRun, Place
from agents.services.lock_rows import Standing
from agents.services.locks import CannotWait, end_leases
from agents.services.permissions import OPERATE
from agents.services.tokens import Caller

router = Router()
OLDEST = Order("id", tie="id")


@router.get(
    "locks",
    response=answers(PageOut[ListedLockOut]),
    summary="Who has which files, and who waits for them",
    openapi_extra=etags.tagged(),
)
def locks(request: HttpRequest, asked: Query[LocksIn]) -> Any:
    """A run's token sees those of its own agent: it has to say `agent`."""
    needs_for(request, asked.agent)
    end_leases()
    rows = lock_shapes.readable(FileLock.objects.filter(_wanted(asked)))
    found = part(rows, OLDEST, asked, "locks")
    items = lock_shapes.listed(found.rows)
    return etags.unless_known(request, {"items": items, "next": found.next})


def _wanted(asked: LocksIn) -> Q:
    held, ended = Q(released_at=None), ClaimStateChoice.ENDED
    if asked.state is None:
        wanted = held & ~Q(claim__state=ended)
    elif asked.state == ended:
        wanted = ~held
    else:
        wanted = held & Q(claim__state=asked.state)
    if asked.agent:
        wanted &= Q(claim__agent_name=asked.agent)
    if asked.workspace:
        wanted &= Q(claim__space__path=_real(asked.workspace))
    return wanted


def _real(path: str) -> str:
    """As locks know it; one that is gone may still have been locked."""
    try:
        return lock_paths.workspace_of(path)
    except BadPattern:
        return path


@router.post(
    "locks",
    response=answers(LocksOut, 404, status=201) | {409: LockProblemOut},
    auth=ASYNC_AUTH,
    summary="Lock files, all of them or none",
    openapi_extra=documented(),
)
async def lock(request: HttpRequest, body: LockIn) -> HttpResponse:
    """They belong to the agent's live run, and end with it. 409 where others have
    some of them (`conflicts`), where waiting would never end, or without a live run.

    With `wait` the call keeps its place in the queue while it is open, and only then.
    """
    caller = needs_for(request, body.agent, OPERATE)
    if not body.wait:
        return await sync_to_async(_at_once)(request, caller, body)
    with SEATS.one():
        queue = _Queue(request, caller, body)
        try:
            return await queue.wait(body.wait)
        except asyncio.CancelledError:
            await queue.leave()
            raise


def _at_once(request: HttpRequest, caller: Caller, body: LockIn) -> HttpResponse:
    def act(key: str) -> HttpResponse:
        place = _placed(caller, body, key, wait=False)
        if not place.held:
            raise _refused("Others have some of it.", place.conflicts)
        return _granted(place)

    return once(request, caller, act)


class _Queue:
    """One call that waits; on the loop."""

    def __init__(self, request: HttpRequest, caller: Caller, body: LockIn) -> None:
        self._request, self._caller, self._body = request, caller, body
        self._asking: asyncio.Future[tuple[Once, Place | None]] | None = None
        self._answered = False

    async def wait(self, seconds: float) -> HttpResponse:
        """The answer, as soon as it is known."""
        # Its thread goes on when the call is cut off: what it has done has to be known.
        self._asking = asyncio.ensure_future(sync_to_async(self._ask)())
        first, place = await asyncio.shield(self._asking)
        if place is None:
            assert first.replay is not None
            return first.replay
        wait = LockWait(place, held=place.held)
        if not wait.done:
            assert place.claim is not None, "it has a place"
            await follow(wait, seconds, partial(lock_news.heard, place.claim))
        return await sync_to_async(self._answer)(first, wait)

    def _ask(self) -> tuple[Once, Place | None]:
        with transaction.atomic():
            first = begin(self._request, self._caller)
            if first.replay is not None:
                return first, None
            return first, _placed(self._caller, self._body, first.name, wait=True)

    def _answer(self, first: Once, wait: LockWait) -> HttpResponse:
        if not wait.held:
            raise _refused(wait.why, wait.conflicts)
        answer = first.keep(_granted(wait.place))
        self._answered = True
        return answer

    async def leave(self) -> None:
        """The caller has gone: so is its place, and what it never heard of."""
        if self._asking is None:
            return
        try:
            _, place = await self._asking
        except Problem:
            return
        if place is not None and not self._answered:
            await sync_to_async(lock_calls.leave)(place)


def _placed(caller: Caller, body: LockIn, key: str, *, wait: bool) -> Place:
    agent = the_agent(body.agent)
    if agent.internal:
        raise _refused(f"{agent.name} is a part of the hub itself.", ())
    asking = Asking(
        workspace=body.workspace,
        paths=body.paths,
        mode=Mode(body.mode),
        agent=agent,
        asked_by=caller.actor,
        via=caller.via,
        run_id=uuid.UUID(caller.run_id) if caller.is_run else None,
        key=key,
    )
    try:
        place = lock_calls.ask(asking, wait=wait)
    except BadPattern as error:
        raise Problem(422, str(error)) from None
    except NoLiveRun as error:
        raise _refused(str(error), ()) from None
    except CannotWait as error:
        raise _refused(str(error), error.conflicts) from None
    if place.claim is not None:
        paths = figures.listed(body.paths)
        words = f"Asked for a lock on {paths} by {audit.door(caller)}."
        audit.changed(caller, [agent], words)
    return place


def _granted(place: Place) -> HttpResponse:
    assert place.claim is not None
    found = lock_calls.locks_of(place.claim)
    shape = {"locks": [lock_shapes.lock_shape(one) for one in found]}
    return JsonResponse(shape, status=201)


def _refused(why: str, conflicts: tuple[Standing, ...]) -> Problem:
    told = lock_shapes.conflicts_shape(conflicts)
    who = ""
    if conflicts:
        first = conflicts[0]
        verb = "has asked for" if first.waits else "has"
        who = f" {first.agent} {verb} {first.held}."
    return Problem(409, why + who, more={"conflicts": told})
