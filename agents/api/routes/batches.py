"""Batches: many agents asked as one job, which is looked at and cancelled."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Query, Router
from pydantic import Field

from agents.api import etags
from agents.api.answers import answers
from agents.api.callers import needs
from agents.api.chosen import the_agents
from agents.api.idempotency import documented, once
from agents.api.paging import Order, PageOut, part
from agents.api.problems import invalid, unknown
from agents.api.schemas.batches import (
    BatchesIn,
    BatchJobOut,
    CancelIn,
    NewBatchIn,
    WholeBatchOut,
)
from agents.api.schemas.texts import LARGEST
from agents.models import Batch
from agents.models.choices import BatchActionChoice
from agents.services import batch_view, batches
from agents.services.batches import CannotBatch, Wanted
from agents.services.figures import counted
from agents.services.lifecycle import Asker
from agents.services.permissions import OPERATE

router = Router()
Number = Annotated[int, Field(ge=1, le=LARGEST)]
NEWEST = Order("id", descending=True, tie="id")


@router.get(
    "batches",
    response=answers(PageOut[BatchJobOut]),
    summary="The batches",
    openapi_extra=etags.tagged(),
)
def listing(request: HttpRequest, asked: Query[BatchesIn]) -> Any:
    """The newest first, without what became of each agent."""
    needs(request)
    rows = Batch.objects.select_related("arrives_at", "waits_for")
    if asked.state:
        rows = rows.filter(state=asked.state)
    found = part(rows, NEWEST, asked, "batches")
    counts = batch_view.counts_of(one.pk for one in found.rows)
    items = [batch_view.batch_shape(one, counts[one.pk]) for one in found.rows]
    return etags.unless_known(request, {"items": items, "next": found.next})


@router.post(
    "batches",
    response=answers(WholeBatchOut, status=201),
    summary="Ask many agents as one job",
    openapi_extra=documented(),
)
def make(request: HttpRequest, body: NewBatchIn) -> HttpResponse:
    """It is recorded, and carried out with at most `at_once` agents under way: the next
    is asked when one has its outcome. A name of no agent is a failure of its own.
    """
    caller = needs(request, OPERATE)
    asker = Asker(caller.actor, caller.via, body.reason)

    def act(name: str) -> HttpResponse:
        try:
            batch = batches.make(_wanted(body), asker, caller.user_id)
        except CannotBatch as error:
            raise invalid({error.field: str(error)}) from None
        shape = batch_view.whole_shape(Batch.objects.get(pk=batch.pk))
        address = f"/api/v1/batches/{batch.pk}"
        return JsonResponse(shape, status=201, headers={"Location": address})

    return once(request, caller, act)


@router.get(
    "batches/{number}",
    response=answers(WholeBatchOut, 404),
    summary="One batch",
    openapi_extra=etags.tagged(),
)
def one(request: HttpRequest, number: Number) -> Any:
    """How far it is, and what became of each agent."""
    needs(request)
    return etags.unless_known(request, batch_view.whole_shape(_the_batch(number)))


@router.post(
    "batches/{number}/cancel",
    response=answers(WholeBatchOut, 404),
    summary="Cancel a batch",
    openapi_extra=documented(),
)
def cancel(
    request: HttpRequest, number: Number, body: CancelIn | None = None
) -> HttpResponse:
    """What is not begun is not begun; what is under way goes on to its end. One that
    is over, or cancelled already, stays as it is."""
    caller = needs(request, OPERATE)
    asker = Asker(caller.actor, caller.via, body.reason if body else "")

    def act(name: str) -> HttpResponse:
        batch = batches.cancel(_the_batch(number).pk, asker, caller.user_id)
        return JsonResponse(batch_view.whole_shape(batch))

    return once(request, caller, act)


def _the_batch(number: int) -> Batch:
    found = Batch.objects.filter(pk=number).first()
    if found is None:
        raise unknown("batch", number)
    return found


def _wanted(body: NewBatchIn) -> Wanted:
    chosen = the_agents(body.names, body.labels)
    whom = "all agents"
    if body.names is not None:
        whom = f"{counted(len(set(body.names)), 'agent')} by name"
    elif body.labels:
        whom = ", ".join(f"{key}={value}" for key, value in sorted(body.labels.items()))
    return Wanted(
        BatchActionChoice(body.action or BatchActionChoice.ASK),
        chosen.agents,
        ask=None if body.ask is None else body.ask.wanted(),
        at_once=body.at_once,
        patience=body.patience,
        whom=whom,
        unknown=chosen.unknown,
    )
