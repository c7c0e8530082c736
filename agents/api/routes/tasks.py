"""Tasks looked at: lists, one with its outcome, and what is done in it step by step."""

from __future__ import annotations

from typing import Any, Final

from asgiref.sync import sync_to_async
from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Router

from agents.api import etags
from agents.api.answers import answers
from agents.api.callers import ASYNC_AUTH, caller_of, needs, needs_for
from agents.api.paging import PageOut, bounded, part
from agents.api.problems import Problem, unknown
from agents.api.schemas.live_answer import LiveAnswerIn, LiveAnswerOut, cursor
from agents.api.schemas.task import EventsIn, EventsOut, OneTaskIn, TaskOut, TasksIn
from agents.api.schemas.texts import TaskId
from agents.api.waits import SEATS, Awaited, follow
from agents.models import Step, Task
from agents.policy.live_text import Live
from agents.policy.tasks import TaskState
from agents.services import agent_filter, live_answers, nodes
from agents.services.agent_filter import Wanted
from agents.services.live_answers import Heard, Place
from agents.services.logs import default_log_store
from agents.services.task_shapes import PHASE, step_shape, task_shape
from agents.services.task_waiting import NextStep, TaskEnd

router = Router()
# Seconds that a look waits for what no supervisor is there to do. Not none: who looks
# again at once would do nothing else.
UNSUPERVISED: Final = 5.0
READ: Final = Task.objects.select_related("run", *PHASE).defer("run__setup")


@router.get(
    "tasks",
    response=answers(PageOut[TaskOut]),
    summary="The tasks",
    openapi_extra=etags.tagged(),
)
def tasks(request: HttpRequest, asked: Query[TasksIn]) -> Any:
    """Those that match every filter, the newest first, in pages; a page with very long
    prompts and results is shorter than `limit`. A run names its own agent."""
    caller = needs_for(request, asked.agent)
    rows = _matching(asked)
    if caller.is_run:
        # An agent of this name may have been deleted before this one was made.
        rows = rows.filter(agent=caller.agent_id)
    found = part(rows, asked.order(), asked, "tasks", _length)
    items = [task_shape(task) for task in found.rows]
    return etags.unless_known(request, {"items": items, "next": found.next})


@router.get(
    "tasks/{task_id}",
    response=answers(TaskOut, 404),
    auth=ASYNC_AUTH,
    summary="One task",
    openapi_extra=etags.tagged(),
)
async def task(request: HttpRequest, task_id: TaskId, asked: Query[OneTaskIn]) -> Any:
    """How it is; with `wait` once it has ended, or as it is when the time is over."""
    found = await sync_to_async(_readable)(request, task_id)
    if asked.wait is not None:
        await _seated(TaskEnd(task_id), asked.wait, found)
        found = await sync_to_async(_readable)(request, task_id)
    return etags.unless_known(request, task_shape(found))


@router.get(
    "tasks/{task_id}/events",
    response=answers(EventsOut, 404),
    auth=ASYNC_AUTH,
    summary="Its steps",
    openapi_extra=etags.tagged(),
)
async def events(request: HttpRequest, task_id: TaskId, asked: Query[EventsIn]) -> Any:
    """What was said, called and answered, each once it has ended. Read on with `next`;
    once `state` is that of an ended task and there is no `more`, this was all."""
    found = await sync_to_async(_readable)(request, task_id)
    if asked.wait is not None:
        await _seated(NextStep(task_id, asked.after), asked.wait, found)
    return await sync_to_async(_events)(request, task_id, asked)


def _events(request: HttpRequest, task_id: int, asked: EventsIn) -> Any:
    # First the task: one that has ended has no step that is not read after it.
    found = _readable(request, task_id)
    rows = Step.objects.filter(task=task_id, number__gt=asked.after)
    steps, more = bounded(rows.order_by("number"), asked.limit, _size)
    told = {
        "items": [step_shape(step) for step in steps],
        "next": steps[-1].number if steps else asked.after,
        "more": more,
        "state": found.state,
    }
    return etags.unless_known(request, told)


@router.get(
    "tasks/{task_id}/live",
    response=answers(LiveAnswerOut, 404),
    summary="The answer that it is giving",
)
def live(request: HttpRequest, task_id: TaskId, asked: Query[LiveAnswerIn]) -> Any:
    """What the model has said and thought since, before it is a step: to be shown, and
    gone by the next step. Read on with `next`; the steps are what lasts."""
    found = _readable(request, task_id)
    run, place = asked.place() or (None, Place())
    source = live_answers.source_of(task_id)
    try:
        heard = live_answers.read_on(default_log_store(), source, run, place)
    except (OSError, ValueError):
        # An agent can put anything in its answer's place.
        heard = Heard(Live("", ""), True, Place())
    return {
        "run": source.run or None,
        "fresh": heard.fresh,
        "thinking": heard.live.thinking,
        "text": heard.live.text,
        "next": cursor(source.run, heard.place),
        "state": found.state,
    }


async def _seated(wait: Awaited, timeout: float, task: Task) -> None:
    with SEATS.one():
        if not await sync_to_async(_is_supervised)(task):
            timeout = min(timeout, UNSUPERVISED)
        await follow(wait, timeout)


def _is_supervised(task: Task) -> bool:
    return task.agent is not None and nodes.is_there(task.agent.node)


def _readable(request: HttpRequest, task_id: int) -> Task:
    """The task, if whoever calls may read it; raises Problem."""
    caller = caller_of(request)
    if not caller.is_run:
        needs(request)
    found = READ.filter(pk=task_id).first()
    if caller.is_run and (found is None or found.agent_id != caller.agent_id):
        raise Problem(
            403,
            f"This token is that of a run of {caller.agent}, which has no task "
            f"{task_id}.",
        )
    if found is None:
        raise unknown("task", task_id)
    return found


def _matching(asked: TasksIn) -> QuerySet[Task]:
    rows = READ.all()
    if asked.state:
        rows = rows.filter(state__in=asked.state)
    if asked.agent:
        rows = rows.filter(agent_name=asked.agent)
    if asked.conversation:
        rows = rows.filter(conversation=asked.conversation)
    if asked.asking:
        asking = rows.filter(state=TaskState.RUNNING, answer=None)
        rows = asking.exclude(question="")
    if asked.label:
        rows = rows.filter(agent__in=agent_filter.matching(Wanted(labels=asked.label)))
    return rows


def _length(task: Task) -> int:
    return len(task.prompt) + len(task.result) + len(task.error)


def _size(step: Step) -> int:
    """About; what is sent of it is mostly text."""
    return len(str(step.data))
