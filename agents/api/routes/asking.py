"""Asking agents for work, and a word in it: with or without waiting for its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from asgiref.sync import sync_to_async
from django.contrib.admin.models import ADDITION, CHANGE
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router

from agents.api.answers import answers
from agents.api.callers import ASYNC_AUTH, needs
from agents.api.chosen import steerable, the_agent
from agents.api.idempotency import Once, begin, documented
from agents.api.problems import Problem, invalid, unknown
from agents.api.schemas.task import AnswerIn, AskIn, CancelTaskIn, TaskOut, WaitIn
from agents.api.schemas.texts import TaskId
from agents.api.waits import SEATS, follow
from agents.models import Agent, Task
from agents.services import audit, nodes, tasks
from agents.services.lifecycle import Asker
from agents.services.permissions import OPERATE
from agents.services.task_shapes import PHASE, task_shape
from agents.services.task_waiting import TaskEnd
from agents.services.tasks import CannotAsk, CannotChange
from agents.services.tokens import Caller

router = Router()
LOCATION: Final[dict[str, Any]] = {
    "Location": {
        "description": "The address of the task.",
        "required": True,
        "schema": {"type": "string"},
    }
}

# What is done in the transaction, given who asks and by which name; the task, and
# whether it is new.
Act: TypeAlias = Callable[[Asker], tuple[Task, bool]]


@dataclass(frozen=True, slots=True)
class Done:
    """What was recorded. `task_id` is 0 where it is a replay."""

    once: Once
    task_id: int = 0
    new: bool = False
    node: str = ""


@router.post(
    "agents/{name}/tasks",
    response=answers(TaskOut, 404, 409) | {201: TaskOut},
    auth=ASYNC_AUTH,
    summary="Ask it for work",
    openapi_extra=documented(responses={201: {"headers": LOCATION}}),
)
async def ask(request: HttpRequest, name: str, body: AskIn) -> HttpResponse:
    """A task for an agent of the kind `native_llm`: 201, or 200 where its own
    `idempotency_key` came before. 409 where it takes none, as the detail says."""
    caller = needs(request, OPERATE)

    def act(asker: Asker) -> tuple[Task, bool]:
        agent = steerable(the_agent(name))
        try:
            wanted = body.wanted(asker.idempotency_key)
            task, new = tasks.ask(agent.pk, wanted, asker)
        except Agent.DoesNotExist:  # Since it was looked at.
            raise unknown("agent", name) from None
        except CannotAsk as error:
            if error.field:
                raise invalid({error.field: str(error)}) from None
            raise Problem(409, str(error)) from None
        if new:
            _note(caller, task, "Asked", flag=ADDITION)
        # Made by this very request, which was cut short.
        own = asker.idempotency_key and task.idempotency_key == asker.idempotency_key
        return task, new or bool(own)

    return await _carry_out(request, caller, act, body.wait)


@router.post(
    "tasks/{task_id}/cancel",
    response=answers(TaskOut, 404),
    auth=ASYNC_AUTH,
    summary="End it",
    openapi_extra=documented(),
)
async def cancel(
    request: HttpRequest, task_id: TaskId, body: CancelTaskIn | None = None
) -> HttpResponse:
    """At once if it waits, else as soon as its agent hears of it. One that has ended
    stays as it is."""
    caller, how = needs(request, OPERATE), body or CancelTaskIn()

    act = _changing(caller, task_id, tasks.cancel, "Asked to cancel")
    return await _carry_out(request, caller, act, how.wait, how.reason)


@router.post(
    "tasks/{task_id}/go-on",
    response=answers(TaskOut, 404, 409),
    auth=ASYNC_AUTH,
    summary="Let it go on",
    openapi_extra=documented(),
)
async def go_on(
    request: HttpRequest, task_id: TaskId, body: WaitIn | None = None
) -> HttpResponse:
    """An interrupted task is queued, and goes on from its last step."""
    caller, how = needs(request, OPERATE), body or WaitIn()

    act = _changing(caller, task_id, tasks.go_on, "Asked to go on")
    return await _carry_out(request, caller, act, how.wait)


@router.post(
    "tasks/{task_id}/answer",
    response=answers(TaskOut, 404, 409),
    auth=ASYNC_AUTH,
    summary="Answer what it asks",
    openapi_extra=documented(),
)
async def answer(request: HttpRequest, task_id: TaskId, body: AnswerIn) -> HttpResponse:
    """The first answer to its `question` counts."""
    caller = needs(request, OPERATE)

    def say(number: int, asker: Asker) -> Task:
        return tasks.answer(number, body.text, asker)

    act = _changing(caller, task_id, say, "Answered")
    return await _carry_out(request, caller, act, body.wait)


def _changing(
    caller: Caller, task_id: int, change: Callable[[int, Asker], Task], words: str
) -> Act:
    def act(asker: Asker) -> tuple[Task, bool]:
        try:
            task = change(task_id, asker)
        except Task.DoesNotExist:
            raise unknown("task", task_id) from None
        except CannotChange as error:
            raise Problem(409, str(error)) from None
        _note(caller, task, words, asker.reason)
        return task, False

    return act


async def _carry_out(
    request: HttpRequest,
    caller: Caller,
    act: Act,
    wait: float | None,
    reason: str = "",
) -> HttpResponse:
    """Record, wait for the end of the task if that is wanted, and answer the task."""
    if wait is None:
        return await sync_to_async(_at_once)(request, caller, act, reason)
    with SEATS.one():
        done = await sync_to_async(_recorded)(request, caller, act, reason)
        if done.once.replay is not None:
            return done.once.replay
        if await sync_to_async(nodes.is_there)(done.node):
            await follow(TaskEnd(done.task_id), wait)
    return await sync_to_async(_answered)(done)


def _at_once(
    request: HttpRequest, caller: Caller, act: Act, reason: str
) -> HttpResponse:
    with transaction.atomic():
        done = _recorded(request, caller, act, reason)
        return done.once.replay or _answered(done)


def _recorded(request: HttpRequest, caller: Caller, act: Act, reason: str) -> Done:
    with transaction.atomic():
        once = begin(request, caller)
        if once.replay is not None:
            return Done(once)
        task, new = act(Asker(caller.actor, caller.via, reason, once.name))
        return Done(once, task.pk, new, task.agent.node if task.agent else "")


def _answered(done: Done) -> HttpResponse:
    task = Task.objects.select_related("run", *PHASE).get(pk=done.task_id)
    response = JsonResponse(task_shape(task), status=201 if done.new else 200)
    if done.new:
        response["Location"] = f"/api/v1/tasks/{task.pk}"
    return done.once.keep(response)


def _note(
    caller: Caller, task: Task, words: str, reason: str = "", flag: int = CHANGE
) -> None:
    told = f"{words} by {audit.door(caller)}" + (f": {reason}" if reason else ".")
    audit.changed(caller, [task], told, flag)
