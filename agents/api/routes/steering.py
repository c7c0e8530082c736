"""Start, stop, restart and kill: one agent or many, with or without the outcome."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Final, TypeAlias

from asgiref.sync import sync_to_async
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router

from agents.api import problems
from agents.api.answers import answers
from agents.api.callers import ASYNC_AUTH, needs
from agents.api.chosen import NamedAgents, steerable, the_agent, the_agents
from agents.api.idempotency import Once, begin, documented
from agents.api.problems import Problem
from agents.api.schemas.agent import AgentOut
from agents.api.schemas.steering import BatchIn, BatchOut, SteerIn
from agents.api.waits import SEATS, follow
from agents.models import Agent
from agents.policy.clock import Moment
from agents.policy.states import Action
from agents.services import audit, lifecycle, nodes, shapes
from agents.services.lifecycle import Asked, Asker
from agents.services.outside import refusal
from agents.services.permissions import OPERATE
from agents.services.tokens import Caller
from agents.services.waiting import Result, Wait

router = Router()
NO_SUPERVISOR: Final = (
    "It is recorded, but no supervisor is running to do it: start `manage.py hub`."
)


# Which agents are meant, and what is answered once it is known what came of it.
Named: TypeAlias = Callable[[], NamedAgents]
Answer: TypeAlias = Callable[[Sequence[Result]], HttpResponse]


@dataclass(frozen=True, slots=True)
class Wish:
    """What was recorded. `watched`: the ids of those that a supervisor looks after."""

    action: Action
    asked: Sequence[Asked]
    watched: frozenset[int]
    agents: Sequence[Agent]
    missing: Sequence[Result]
    once: Once


def _steering(action: Action, meaning: str) -> None:
    @router.post(
        f"agents/{{name}}/{action}",
        response=answers(AgentOut, 404, 409),
        auth=ASYNC_AUTH,
        summary=f"{action.capitalize()} it",
        description=f"{meaning} With `wait`, 409 if that does not come to be in time; "
        "the problem has the agent as its member `agent`.",
        operation_id=f"{action}_agent",
        openapi_extra=documented(),
    )
    async def steer(
        request: HttpRequest,
        name: str,
        body: SteerIn | None = None,
    ) -> HttpResponse:
        caller, how = needs(request, OPERATE), body or SteerIn(wait=None)

        def named() -> NamedAgents:
            return NamedAgents([steerable(the_agent(name))], {})

        def answer(results: Sequence[Result]) -> HttpResponse:
            return _one(name, results)

        return await _carry_out(request, caller, action, how, named, answer)


_steering(Action.START, "It is to run. One that runs is left as it is.")
_steering(Action.STOP, "It is to end politely, then by KILL.")
_steering(Action.RESTART, "It is to run anew. One that is stopped is started.")
_steering(Action.KILL, "It is to end at once, by KILL.")


@router.post(
    "agents/batch",
    response=answers(BatchOut),
    auth=ASYNC_AUTH,
    summary="Start, stop, restart or kill many",
    openapi_extra=documented(),
)
async def batch(request: HttpRequest, body: BatchIn) -> HttpResponse:
    """Each has a result of its own; a name of no agent stops none of the others."""
    caller, action = needs(request, OPERATE), Action(body.action)

    def named() -> NamedAgents:
        return the_agents(body.names, body.labels)

    def answer(results: Sequence[Result]) -> HttpResponse:
        names = dict.fromkeys(body.names or ())
        places = {name: place for place, name in enumerate(names)}
        ordered = sorted(results, key=lambda one: (places.get(one.name, 0), one.name))
        return JsonResponse({"results": [asdict(one) for one in ordered]})

    return await _carry_out(request, caller, action, body, named, answer)


async def _carry_out(
    request: HttpRequest,
    caller: Caller,
    action: Action,
    how: SteerIn,
    named: Named,
    answer: Answer,
) -> HttpResponse:
    """Record, wait if that is wanted, and answer by what came of it."""
    if how.wait is None:
        return await sync_to_async(_recorded)(
            request, caller, action, how, named, answer
        )
    with SEATS.one():
        wish = await sync_to_async(_ask)(request, caller, action, how, named)
        if wish.once.replay is not None:
            return wish.once.replay
        wait = Wait(action, [a for a in wish.asked if a.agent_id in wish.watched])
        await follow(wait, how.wait)
    return await sync_to_async(_waited)(wish, wait, answer)


def _ask(
    request: HttpRequest, caller: Caller, action: Action, how: SteerIn, named: Named
) -> Wish:
    made = Moment.now()
    with transaction.atomic():
        once = begin(request, caller)
        if once.replay is not None:
            return Wish(action, (), frozenset(), (), (), once)
        chosen = named()
        asker = Asker(caller.actor, caller.via, how.reason, once.name)
        foreign = [agent for agent in chosen.agents if agent.external]
        ids = [agent.pk for agent in chosen.agents if not agent.external]
        asked = lifecycle.ask(action, ids, asker, made)
        there = {one.agent_id for one in asked}
        agents = [agent for agent in chosen.agents if agent.pk in there]
        audit.asked(caller, action, agents, how.reason)
    watches = {node: nodes.is_there(node) for node in {a.node for a in agents}}
    missing = [Result(n, False, None, text) for n, text in chosen.unknown.items()]
    missing += [Result(a.name, False, a.status, refusal(a.name)) for a in foreign]
    watched = frozenset(agent.pk for agent in agents if watches[agent.node])
    return Wish(action, asked, watched, agents, missing, once)


def _recorded(
    request: HttpRequest,
    caller: Caller,
    action: Action,
    how: SteerIn,
    named: Named,
    answer: Answer,
) -> HttpResponse:
    with transaction.atomic():
        wish = _ask(request, caller, action, how, named)
        if wish.once.replay is not None:
            return wish.once.replay
        already = {one.agent_id for one in wish.asked if one.already}
        results = []
        for agent in wish.agents:
            detail = f"{action} recorded"
            if agent.pk in already:
                detail = f"already {agent.status}"
            elif agent.pk not in wish.watched:
                detail = NO_SUPERVISOR
            results.append(Result(agent.name, True, agent.status, detail))
        response = answer([*results, *wish.missing])
        return wish.once.keep(response)


def _waited(wish: Wish, wait: Wait, answer: Answer) -> HttpResponse:
    by_name = {one.name: one for one in (*wait.results, *wish.missing)}
    for agent in wish.agents:
        if agent.pk not in wish.watched:
            none = Result(agent.name, False, agent.status, NO_SUPERVISOR)
            by_name.setdefault(agent.name, none)
    response = answer(list(by_name.values()))
    return wish.once.keep(response)


def _one(name: str, results: Sequence[Result]) -> HttpResponse:
    """The agent as it is now, or why it is not as was asked."""
    failed = next((one for one in results if not one.ok), None)
    if failed is not None and failed.status is None:
        return problems.answer(Problem(409, f"{name}: {failed.detail}."))
    shape = shapes.agent_shape(the_agent(name))
    if failed is None:
        return JsonResponse(shape)
    return problems.answer(Problem(409, failed.detail, more={"agent": shape}))
