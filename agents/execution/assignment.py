"""One attempt at one task: each step is committed, and its end written down once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import aclosing
from typing import Any, Final

from agents.execution.bridge import Bridge
from agents.execution.events import (
    AnswerBegins,
    Done,
    Spent,
    StepEnds,
    TaskEvent,
    Waits,
    Words,
)
from agents.execution.log import Log, Pen
from agents.execution.native import Job, NativeLLMAgent
from agents.execution.tools.tool import Surroundings
from agents.policy import tasks
from agents.policy.tasks import TaskState
from agents.services import steps, work
from agents.services.work import Booking, Claimed, ClaimLost, Sight

logger = logging.getLogger(__name__)

LEFT: Final = "the run has ended; the next one goes on from the last recorded step"


class Assignment:
    """Runs once. `waits` says why nothing happens; empty while something does."""

    def __init__(
        self,
        claimed: Claimed,
        agent: NativeLLMAgent,
        bridge: Bridge,
        log: Log,
        around: Callable[[Assignment], Surroundings],
        wake: Callable[[], None],
        doom: Callable[[str], None],
    ) -> None:
        """`doom` is called, before the task waits again, with why the agent itself
        cannot work at all."""
        self._claimed, self._agent, self._bridge = claimed, agent, bridge
        self._log, self._around = log, around
        self._wake, self._doom = wake, doom
        self._pen: Pen = log.pen(claimed.id)
        self._spent: dict[int, Spent] = {}
        self._next_step = 0
        self._work: asyncio.Task[Done] | None = None
        self._cut_off: tuple[TaskState, str] | None = None
        self._answer: asyncio.Future[str] | None = None
        self._left = False
        self.waits = ""
        # Set whenever its worker has looked at it.
        self.news: Final = asyncio.Event()
        # Awaited when nothing of it runs any more, before its end is written down.
        self.before_end: Callable[[], Awaitable[None]] | None = None

    # -- what others want --

    def interrupt(self, reason: str) -> None:
        """The agent ends: the task is *interrupted*, and may go on later."""
        self._end_early(TaskState.INTERRUPTED, reason)

    def leave(self) -> None:
        """Should it be cancelled, the task waits for the next run."""
        self._left = True

    @property
    def claimed(self) -> Claimed:
        """The task."""
        return self._claimed

    def hear(self, seen: Sight) -> None:
        """What people have said: that it is cancelled, or an answer."""
        self.news.set()
        if not seen.mine:
            self._end_early(TaskState.INTERRUPTED, "another run has taken it")
        elif seen.cancelled_by:
            words = f"cancelled by {seen.cancelled_by}"
            self._end_early(TaskState.CANCELLED, words)
        elif seen.braked:
            self._end_early(TaskState.INTERRUPTED, f"interrupted by {seen.braked}")
        elif seen.interrupted:
            self._end_early(TaskState.INTERRUPTED, seen.interrupted)
        elif seen.answer is not None and self._answer and not self._answer.done():
            self._answer.set_result(seen.answer)

    def _end_early(self, state: TaskState, reason: str) -> None:
        if self._cut_off is None:
            self._cut_off = state, reason
            if self._work is not None:
                self._work.cancel()

    async def ask_person(self, question: str) -> str:
        """Put a question to people, and wait for their answer."""
        await self._bridge.call(work.ask_person, self._claimed, question)
        self._answer = asyncio.get_running_loop().create_future()
        self.waits = "for a person's answer"
        self._wake()
        try:
            return await self._answer
        finally:
            self._answer, self.waits = None, ""
            self._wake()

    def wait_for(self, reason: str) -> None:
        """Why nothing happens from now on; empty: it goes on."""
        if reason != self.waits:
            self.waits = reason
            self._wake()

    # -- its own life --

    async def carry_out(self) -> None:
        """Execute it, and write down how it ended; raises what a bug raises."""
        self._log.task_begins(self._claimed.id, self._claimed.prompt)
        self._work = asyncio.create_task(self._execute())
        if self._cut_off is not None:
            self._work.cancel()
        try:
            done = await self._outcome()
        except ClaimLost:
            return
        except asyncio.CancelledError:
            await _wholly(self._write_killed())
            raise
        await _wholly(self._write_end(done))

    async def _outcome(self) -> Done:
        assert self._work is not None
        limit = asyncio.timeout(self._claimed.timeout)
        try:
            async with limit:
                return await self._work
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return (
                self._failed(error) if self._cut_off is None else Done(*self._cut_off)
            )
        except ClaimLost:
            raise
        except Exception as error:
            if not limit.expired():
                return self._failed(error)
            seconds = self._claimed.timeout or 0.0
            return Done(TaskState.TIMED_OUT, f"it took longer than {seconds:g} s")

    def _failed(self, error: BaseException) -> Done:
        where = "task %s ends by an error of the hub"
        logger.error(where, self._claimed.id, exc_info=error)
        reason = f"an error of the hub: {type(error).__name__}"
        return Done(TaskState.FAILED, reason)

    async def _execute(self) -> Done:
        claimed = self._claimed
        known = await self._bridge.call(work.transcript, claimed)
        self._next_step = known.next_step
        job = Job(known.steps, known.answers, self._around(self))
        done: Done | None = None
        async with aclosing(self._agent.execute(job)) as events:
            async for event in events:
                if isinstance(event, Done):
                    done = event
                else:
                    await self._take(event)
        assert done is not None, "every execution ends in one Done"
        return done

    async def _take(self, event: TaskEvent) -> None:
        match event:
            case Words(text, thinking):
                self._pen.write(text, thinking=thinking)
            case AnswerBegins():
                await self._end_without_money()
                self._pen.begin()
            case Spent():
                self._spent[event.attempt] = event
            case Waits(reason):
                self.wait_for(reason)
            case StepEnds(step):
                bookings = self._bookings()
                await self._bridge.call(work.commit, self._claimed, [step], bookings)
                self._spent.clear()
                self._next_step += 1
                if step.kind == "answer":
                    self._pen.begin()
                self._log.step(self._claimed.id, step)

    async def _end_without_money(self) -> None:
        """Before each request: what needs no further one is done."""
        claimed = self._claimed
        over = await self._bridge.call(
            work.over_budget, claimed.agent_id, claimed.id, self._agent.provider
        )
        if over:
            self._end_early(TaskState.CANCELLED, over)
            # The cancellation arrives here, before anybody is asked.
            await asyncio.sleep(0)

    def _bookings(self) -> list[Booking]:
        return [
            Booking(
                self._next_step,
                one.attempt,
                one.provider,
                one.kind,
                one.model,
                one.tokens,
            )
            for one in self._spent.values()
        ]

    # -- its end --

    async def _write_end(self, done: Done) -> None:
        claimed = self._claimed
        if self.before_end is not None:
            await self.before_end()
        await self._book_the_rest(done.reason)
        kind = done.kind
        delay = None
        if kind is not None:
            delay = tasks.next_attempt_in(
                kind, claimed.attempt, claimed.max_attempts, done.retry_after
            )
        if kind in tasks.ENDS_THE_AGENT:
            self._doom(done.reason)
            await self._bridge.call(work.put_back, claimed, done.reason)
        elif delay is not None:
            reason = (
                f"attempt {claimed.attempt} of {claimed.max_attempts} failed: "
                f"{done.reason}; the next one begins in {delay:.0f} s"
            )
            await self._bridge.call(work.try_later, claimed, delay, reason)
        else:
            failed = done.state is not TaskState.SUCCEEDED
            await self._bridge.call(
                work.end,
                claimed,
                done.state,
                done.reason,
                result=done.result,
                error=done.reason if failed else "",
            )
        self._log.task_ends(claimed.id, done.state.value, done.reason)

    async def _write_killed(self) -> None:
        if self._left and self._cut_off is None:
            await self._book_the_rest("the run has ended")
            await self._bridge.call(work.put_back, self._claimed, LEFT)
            return
        state, reason = TaskState.INTERRUPTED, "the agent was killed"
        await self._write_end(Done(*(self._cut_off or (state, reason))))

    async def _book_the_rest(self, reason: str) -> None:
        """What a request that came to nothing has used is paid all the same."""
        if not self._spent:
            return
        told = steps.note(f"{reason}; what had been used by then is booked", "warning")
        try:
            await self._bridge.call(
                work.commit, self._claimed, [told], self._bookings()
            )
        except ClaimLost:
            return
        except Exception:
            # The task has to end nevertheless.
            logger.exception("what task %s has used is not booked", self._claimed.id)
        self._spent.clear()


async def _wholly(writing: Coroutine[Any, Any, None]) -> None:
    """What has begun to be written is written, also if it is cancelled meanwhile."""
    task = asyncio.create_task(writing)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        task.result()
        raise
