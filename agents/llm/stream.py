"""The room's one door: ask a model, and hear it stream, retries and all."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from agents.llm.attempt import Attempt, Deadlines
from agents.llm.events import End, Event, Restarted, Retrying, Used
from agents.llm.failure import Failure
from agents.llm.provider import Provider
from agents.llm.request import Request
from agents.llm.usage import Usage
from agents.policy.provider_retry import RetryPolicy, decide

PATIENT = RetryPolicy()
UNHURRIED = Deadlines()


async def stream(
    provider: Provider,
    request: Request,
    retry: RetryPolicy = PATIENT,
    deadlines: Deadlines = UNHURRIED,
) -> AsyncGenerator[Event]:
    """Ask, and yield what comes; the last event is the one End, also of a failure.

    To cancel, cancel the task that reads; whoever may stop reading early wraps this in
    `contextlib.aclosing`. Then no End comes and the connection is closed at once.
    """
    clock = asyncio.get_running_loop().time
    until = clock() + deadlines.total
    spent, number, handed_on = Usage(), 0, False
    while True:
        number += 1
        attempt = Attempt(provider, request, deadlines, until)
        async with aclosing(attempt.pieces()) as pieces:
            async for piece in pieces:
                handed_on = True
                yield Used(number, piece) if isinstance(piece, Usage) else piece
        spent += attempt.usage
        if attempt.answer is not None:
            yield End(attempt.answer.stop, None, attempt.answer.message, spent, number)
            return
        failure = attempt.failure
        assert failure is not None
        decision = decide(
            retry,
            failure.kind,
            number,
            retry_after=failure.retry_after,
            handed_on=handed_on,
            remaining=until - clock(),
            chance=random.random(),
        )
        if not decision.again:
            yield End(None, _with(failure, decision.reason), None, spent, number)
            return
        yield Retrying(number, retry.attempts, decision.delay, failure)
        await asyncio.sleep(decision.delay)
        if handed_on:
            yield Restarted(number + 1)
            handed_on = False


def _with(failure: Failure, reason: str) -> Failure:
    """The failure, and why it is the last word."""
    if not reason:
        return failure
    text = f"{failure.text}; {reason}" if failure.text else reason
    return replace(failure, text=text)
