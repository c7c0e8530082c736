"""One attempt at one task: however it is cut off, its end is written down once."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from agents.execution.assignment import Assignment
from agents.execution.bridge import Bridge
from agents.execution.events import Done, Spent, TaskEvent
from agents.execution.log import Log
from agents.execution.native import Job, NativeLLMAgent
from agents.execution.tools.tool import Surroundings
from agents.execution.writing import Writer
from agents.policy.tasks import TaskState
from agents.services import work
from agents.services.prices import Tokens
from agents.services.work import Claimed, Transcript

Events = AsyncGenerator[TaskEvent]


class Book:
    """The database's side: what was written, in order. `held`: until it is set, the
    end of a task is not written."""

    def __init__(self) -> None:
        self.written: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []
        self.held = asyncio.Event()
        self.held.set()
        self.reached = asyncio.Event()

    async def call(self, function: Callable[..., Any], *args: Any, **more: Any) -> Any:
        await asyncio.sleep(0)
        if function is work.transcript:
            return Transcript([], 0, 2)
        if function is work.end:
            self.reached.set()
            await self.held.wait()
        self.written.append((function, args))
        return True

    @property
    def ends(self) -> list[tuple[TaskState, str]]:
        return [args[1:3] for function, args in self.written if function is work.end]


class Played:
    """An agent whose work is what the test says."""

    def __init__(self, play: Callable[[], Events]) -> None:
        self.play = play
        self.began = asyncio.Event()

    async def execute(self, job: Job) -> Events:
        self.began.set()
        async for event in self.play():
            yield event


async def forever() -> Events:
    yield Spent(1, "demo", "demo", "demo", Tokens(5))
    await asyncio.sleep(3600)


async def done() -> Events:
    yield Done(TaskState.SUCCEEDED, "the agent has answered", "x")


class Stage:
    def __init__(self, folder: Path, play: Callable[[], Events], **claim: Any) -> None:
        self.book, self.agent = Book(), Played(play)
        run = uuid.uuid4()
        values: dict[str, Any] = {"timeout": None, "attempt": 1, "max_attempts": 3}
        self.assignment = Assignment(
            Claimed(1, 1, run, "go", run, **(values | claim)),
            cast("NativeLLMAgent", self.agent),
            cast("Bridge", self.book),
            Log(folder, Writer()),
            lambda _: cast("Surroundings", None),
            lambda: None,
            lambda _: None,
        )

    def begin(self) -> asyncio.Task[None]:
        return asyncio.create_task(self.assignment.carry_out())


def test_who_is_interrupted_before_it_began_does_nothing(tmp_path: Path) -> None:
    async def play() -> None:
        stage = Stage(tmp_path, forever)
        stage.assignment.interrupt("stop asked by bob")
        await asyncio.wait_for(stage.begin(), 5)
        assert stage.book.ends == [(TaskState.INTERRUPTED, "stop asked by bob")]
        assert not stage.agent.began.is_set()

    asyncio.run(play())


def test_a_kill_while_the_end_is_written_waits_for_that(tmp_path: Path) -> None:
    async def play() -> None:
        stage = Stage(tmp_path, done)
        stage.book.held.clear()
        task = stage.begin()
        await stage.book.reached.wait()
        task.cancel()
        await asyncio.sleep(0)
        stage.book.held.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert stage.book.ends == [(TaskState.SUCCEEDED, "the agent has answered")]

    asyncio.run(play())


def test_a_hub_that_ends_pays_for_what_was_used_and_puts_the_task_back(
    tmp_path: Path,
) -> None:
    async def play() -> None:
        stage = Stage(tmp_path, forever)
        task = stage.begin()
        await stage.agent.began.wait()
        await asyncio.sleep(0)
        stage.assignment.leave()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        (commit, (_, _, [paid])), (last, _) = stage.book.written
        assert (commit, last) == (work.commit, work.put_back)
        assert paid.tokens == Tokens(5)

    asyncio.run(play())


@pytest.mark.parametrize("error", [asyncio.CancelledError, TimeoutError, KeyError])
def test_what_a_bug_raises_fails_the_task_and_is_named(
    tmp_path: Path, error: type[BaseException]
) -> None:
    async def broken() -> Events:
        if error:
            raise error
        yield Done(TaskState.SUCCEEDED)

    async def play() -> None:
        stage = Stage(tmp_path, broken, timeout=60.0)
        await stage.begin()
        reason = f"an error of the hub: {error.__name__}"
        assert stage.book.ends == [(TaskState.FAILED, reason)]

    asyncio.run(play())


def test_a_timeout_says_how_long_it_was(tmp_path: Path) -> None:
    async def play() -> None:
        stage = Stage(tmp_path, forever, timeout=0.01)
        await stage.begin()
        assert stage.book.ends == [(TaskState.TIMED_OUT, "it took longer than 0.01 s")]

    asyncio.run(play())
