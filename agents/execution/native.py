"""A native LLM agent at work: asks its model, runs the tools it calls, and again.

Whoever iterates commits each step before the next begins, so that a task cut off at
any instant goes on from its last committed step.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from agents.execution import context, conversation
from agents.execution.asking import OLLAMA_CONTEXT, Asked, Desk
from agents.execution.events import (
    AnswerBegins,
    Done,
    Spent,
    StepEnds,
    TaskEvent,
    Waits,
    Words,
)
from agents.execution.tools import toolbox
from agents.execution.tools.tool import Surroundings
from agents.llm.events import (
    End,
    Restarted,
    Retrying,
    Stop,
    TextDelta,
    ThinkingDelta,
    Used,
)
from agents.llm.failure import Failure
from agents.llm.messages import ToolCall
from agents.llm.request import Request
from agents.llm.usage import Usage
from agents.policy import repetition
from agents.policy.native import NativeSetup
from agents.policy.provider_retry import ErrorKind
from agents.policy.tasks import TaskState
from agents.services.prices import Tokens
from agents.services.providers import Unusable
from agents.services.steps import StepData, call, note, result, user
from agents.services.work import ClaimLost

logger = logging.getLogger(__name__)

# Answers of a model to one task; whoever needs more goes in circles.
MOST_ANSWERS: Final = 100
# How often a conversation that is too long is cut to half.
MOST_CUTS: Final = 3

CIRCLE: Final = (
    "You have made the same calls with the same results several times. Do something "
    "else, or end with what you have."
)
BROKEN: Final = (
    "The tool failed by an error of the hub ({}). It may have had its effect or not, "
    "wholly or in part."
)


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt at one task: the conversation up to now, and where tools work.

    `answers`: how many of this task are in `steps`, which may begin in earlier tasks.
    """

    steps: Sequence[StepData]
    answers: int
    around: Surroundings


class NativeLLMAgent:
    """Stateless between tasks: several jobs may be executed at once."""

    capabilities: Final = frozenset({"resume", "deltas", "usage", "tools"})

    def __init__(self, setup: NativeSetup, desk: Desk) -> None:
        self._setup, self._desk = setup, desk
        self._tools = toolbox.described(allow_commands=setup.allow_commands)

    @property
    def provider(self) -> str:
        """The name of the one it asks."""
        return self._setup.provider

    async def detect(self) -> Asked:
        """Whom it asks; raises Unusable. Asks the provider nothing."""
        asked = await self._desk.whom(self._setup.provider)
        if not self._model(asked):
            raise Unusable(
                f"No model is named: set the agent's model, or a default model of "
                f"{self._setup.provider}."
            )
        return asked

    def _model(self, asked: Asked) -> str:
        own = self._setup.model or asked.access.model
        return own or ("demo" if asked.access.kind == "demo" else "")

    async def execute(self, job: Job) -> AsyncGenerator[TaskEvent]:
        """Work until the model is done; to interrupt, cancel whoever iterates."""
        work = _Work(job)
        budget, cuts = context.USUAL, 0
        while True:
            async for event in self._run_tools(work):
                yield event
            if (last := work.last_word()) is not None:
                # Also of a hub that was killed before it could say how it ended.
                yield _ended(last.data["text"], Stop(last.data["stop"]))
                return
            if work.circles() >= repetition.GIVE_UP:
                yield Done(TaskState.FAILED, "the model goes round in circles")
                return
            if work.answers >= MOST_ANSWERS:
                reason = f"the task took more than {MOST_ANSWERS} answers"
                yield Done(TaskState.FAILED, reason)
                return
            end = None
            async with aclosing(self._answer(work, budget)) as events:
                async for piece in events:
                    if isinstance(piece, End):
                        end = piece
                    else:
                        yield piece
            assert end is not None
            if end.failure is not None:
                too_long = end.failure.kind is ErrorKind.CONTEXT_OVERFLOW
                if too_long and cuts < MOST_CUTS:
                    budget, cuts = work.tokens(budget) // 2, cuts + 1
                    yield work.step(note(f"{end.failure}: it is shortened", "warning"))
                    continue
                yield _failed(end.failure)
                return
            assert end.message is not None and end.stop is not None
            yield work.step(conversation.answer(end.message, end.stop))

    # -- the model --

    async def _answer(
        self, work: _Work, budget: int
    ) -> AsyncGenerator[TaskEvent | End]:
        """One answer; the last event is its End."""
        try:
            asked = await self.detect()
        except Unusable as error:
            yield End(None, Failure(ErrorKind.AUTH, str(error)), None, Usage(), 0)
            return
        messages, shortened = context.within(conversation.messages(work.steps), budget)
        if shortened > work.shortened:
            work.shortened = shortened
            yield work.step(
                note(f"{shortened} old tool results are sent shortened from here on")
            )
        model = self._model(asked)
        request = Request(
            model=model,
            messages=messages,
            system=self._setup.system_prompt,
            tools=self._tools,
            context=OLLAMA_CONTEXT if asked.access.kind == "ollama" else None,
        )
        if self._desk.full(asked.access):
            yield Waits(f"for its turn to ask {asked.access.name}")
        async with self._desk.turn(asked.access):
            yield Waits("")
            yield AnswerBegins()
            waits = False
            async with aclosing(self._desk.ask(asked, request)) as events:
                async for event in events:
                    if waits and not isinstance(event, Retrying):
                        waits = False
                        yield Waits("")
                    match event:
                        case TextDelta(text):
                            yield Words(text)
                        case ThinkingDelta(text):
                            yield Words(text, thinking=True)
                        case Used(attempt, usage):
                            yield Spent(
                                attempt,
                                asked.access.name,
                                asked.access.kind,
                                model,
                                _tokens(usage),
                            )
                        case Retrying():
                            yield work.step(note(_retrying(event), "warning"))
                            yield Waits(str(event.failure))
                            waits = True
                        case Restarted():
                            yield AnswerBegins()
                        case End():
                            yield event

    # -- tools --

    async def _run_tools(self, work: _Work) -> AsyncGenerator[TaskEvent]:
        """Every call that has no result yet, in order; one that had begun before the
        hub ended is never blindly done again."""
        waiting = conversation.pending(work.steps)
        for number, one in enumerate(waiting.calls):
            if number == 0 and waiting.begun:
                yield work.step(conversation.interrupted(one))
                continue
            yield work.step(call(one.id, one.name, one.arguments or {"raw": one.raw}))
            yield work.step(await self._result(one, work.job.around))
        if waiting.calls and work.circles() == repetition.TELL:
            yield work.step(user(CIRCLE))

    async def _result(self, one: ToolCall, around: Surroundings) -> StepData:
        if one.arguments is None:
            said = one.error.text if one.error else ""
            text = f"The arguments are no JSON object: {said}. Nothing was done."
            return result(one.id, one.name, text, error=True)
        try:
            done = await toolbox.call(one.name, one.arguments, around)
        except ClaimLost:
            raise
        except Exception as error:
            logger.exception("the tool %s failed", one.name)
            text = BROKEN.format(type(error).__name__)
            return result(one.id, one.name, text, error=True)
        return result(one.id, one.name, done.text, error=done.error, files=done.files)


class _Work:
    """The conversation as it grows."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.steps = list(job.steps)
        self.answers = job.answers
        self.shortened = 0

    def step(self, step: StepData) -> StepEnds:
        """It goes on from here once this is committed."""
        self.steps.append(step)
        self.answers += step.kind == "answer"
        return StepEnds(step)

    def last_word(self) -> StepData | None:
        """The answer after which nothing is left to do, if it has been given."""
        for step in reversed(self.steps):
            if step.kind == "answer":
                goes_on = step.data["calls"] or step.data["stop"] == Stop.PAUSED
                return None if goes_on else step
            if step.kind != "note":
                return None
        return None

    def tokens(self, most: int) -> int:
        """About how many were sent."""
        return min(most, context.tokens(conversation.messages(self.steps)))

    def circles(self) -> int:
        """How often the latest calls with these results were made on end."""
        turns: list[list[str]] = []
        for step in self.steps:
            match step.kind:
                case "user":
                    # What was told of circles before is no part of one.
                    if step.data["text"] != CIRCLE:
                        turns = []
                case "answer":
                    turns.append([])
                case "call" | "result" if turns:
                    data = {k: v for k, v in step.data.items() if k != "call"}
                    turns[-1].append(repr(sorted(data.items(), key=str)))
        called = ["\n".join(turn) for turn in turns if turn]
        return repetition.rounds(called) if called else 1


def _tokens(usage: Usage) -> Tokens:
    return Tokens(
        usage.input,
        usage.cache_read,
        usage.cache_write,
        usage.output,
        usage.reasoning,
    )


def _retrying(event: Retrying) -> str:
    return (
        f"attempt {event.attempt} of {event.attempts} failed: {event.failure}; "
        f"asked again in {event.delay:.1f} s"
    )


def _ended(text: str, stop: Stop) -> Done:
    if stop is Stop.MAX_TOKENS:
        reason = "the answer was cut off: it reached the model's longest output"
        return Done(TaskState.FAILED, reason, text)
    return Done(TaskState.SUCCEEDED, "the agent has answered", text)


def _failed(failure: Failure) -> Done:
    state = TaskState.FAILED
    return Done(state, str(failure), kind=failure.kind, retry_after=failure.retry_after)
