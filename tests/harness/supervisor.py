"""A real ProcessManager on a loop of its own, in a thread; the test has the ORM."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from agents.models import Agent, Request, Run, StatusChange
from agents.policy.states import Action, Status
from agents.services import lifecycle, setups
from agents.services.lifecycle import Asked, Asker
from agents.supervisor import ProcessManager
from tests.harness.processes import be_subreaper, kill_marked, lives, marked, program
from tests.harness.waiting import until

T = TypeVar("T")

TEST = Asker("the test", "test")


class Supervisor:
    """Start, close and drop managers as hubs come and go."""

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.manager: ProcessManager
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread | None = None

    @property
    def supervising(self) -> bool:
        return self._thread is not None

    def start(self) -> Supervisor:
        """A new manager; back once it has adopted what is there."""
        assert self._thread is None, "It supervises already."
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="test-supervisor")
        self._thread.start()
        self.call(self._begin())
        return self

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    async def _begin(self) -> None:
        self.manager = ProcessManager(**self.options)
        await self.manager.ensure_running()

    def call(self, coroutine: Coroutine[Any, Any, T], timeout: float = 20.0) -> T:
        """Run on the manager's loop and wait for it."""
        return self.begin(coroutine).result(timeout)

    def begin(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run on the manager's loop without waiting."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def on_loop(self, function: Callable[[], T]) -> T:
        """Call on the manager's loop, where its memory may be looked at."""

        async def look() -> T:
            return function()

        return self.call(look())

    def close(self) -> None:
        """As a hub that ends: the agents live on."""
        if self._thread is None:
            return
        thread, self._thread = self._thread, None
        try:
            self.call(self.manager.close())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(10)
            be_subreaper(False)

    def sweep_up(self) -> None:
        """End everything; whatever outlived its run, or a KILL, is a failure."""
        closed = Run.objects.exclude(ended_at=None).values_list("id", flat=True)
        outlived = marked(list(closed))
        if not self.supervising:
            self.start()
        try:
            lifecycle.ask(Action.KILL, Agent.objects.values_list("pk", flat=True), TEST)
            until(
                lambda: not Agent.objects.exclude(status=Status.STOPPED).exists(),
                what="everything to be killed",
            )
        finally:
            self.close()
            outlived |= kill_marked(list(Run.objects.values_list("id", flat=True)))
        assert outlived == {}, "Called stopped, and still alive."


@dataclass
class Actor:
    """One agent of the test, its rows and the notes of its processes."""

    row: Agent
    marker: Path
    asked: list[Asked] = field(default_factory=list)

    def ask(self, action: Action, actor: str = "the test") -> Asked:
        """Record a request, as any door does."""
        [asked] = lifecycle.ask(action, [self.row.pk], Asker(actor, "test"))
        self.asked.append(asked)
        return asked

    def start(self) -> Actor:
        """Ask for a start; wait until it runs and its program is ready."""
        count = len(self.noted())
        self.ask(Action.START)
        self.wait_for(Status.RUNNING)
        until(lambda: len(self.noted()) > count, what="the program's first note")
        return self

    def start_ready(self) -> Actor:
        """The same, and it has said that it is ready."""
        self.start()
        until(lambda: "ready" in self.output(), what="the program to be ready")
        return self

    def stop(self, timeout: float = 10.0) -> None:
        """Ask for a stop and wait for it."""
        self.ask(Action.STOP)
        self.wait_for(Status.STOPPED, timeout=timeout)

    def look(self) -> Agent:
        """The row as it is now."""
        self.row.refresh_from_db()
        return self.row

    def wait_for(self, *statuses: Status, timeout: float = 10.0) -> Agent:
        """Wait until it is in one of these."""
        until(
            lambda: self.look().status in statuses,
            timeout=timeout,
            what=f"{self.row.name} to be {' or '.join(statuses)}",
        )
        return self.row

    def wait_until(
        self, condition: Callable[[Agent], object], timeout: float = 10.0
    ) -> Agent:
        """Wait until the row is so."""
        until(lambda: condition(self.look()), timeout=timeout, what=self.row.name)
        return self.row

    def settled(self, asked: Asked, timeout: float = 10.0) -> Request:
        """The request once it has an outcome."""
        return until(
            lambda: (
                Request.objects.filter(pk=asked.request_id).exclude(outcome="").first()
            ),
            timeout=timeout,
            what=f"an outcome of {asked}",
        )

    def runs(self) -> list[Run]:
        """All runs, the first one first."""
        return list(Run.objects.filter(agent=self.row).order_by("number"))

    def history(self) -> list[StatusChange]:
        """All changes of status, the first one first."""
        return list(StatusChange.objects.filter(agent=self.row).order_by("pk"))

    def path(self) -> list[str]:
        """The statuses it went through, notes left out."""
        return [c.to_status for c in self.history() if c.to_status != c.from_status]

    def noted(self, who: str = "leader") -> list[int]:
        """The pids of its processes that have noted themselves so."""
        if not self.marker.exists():
            return []
        lines = [line.split() for line in self.marker.read_text().splitlines()]
        return [int(pid) for name, pid in lines if name == who]

    def alive(self) -> list[int]:
        """Those of all its noted processes that live."""
        if not self.marker.exists():
            return []
        pids = {int(line.split()[1]) for line in self.marker.read_text().splitlines()}
        return sorted(pid for pid in pids if lives(pid))

    def output(self, stream: str = "out", run: int = -1) -> str:
        """What a run has written; the latest by default."""
        path = self.folder(run) / stream
        return path.read_text() if path.exists() else ""

    def folder(self, run: int = -1) -> Path:
        """A run's folder."""
        return self.marker.parent / "data" / "runs" / self.runs()[run].folder


class Cast:
    """Makes agents that run tests/harness/program.py."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __call__(
        self, mode: str = "wait", *arguments: str, name: str = "", **setup: Any
    ) -> Actor:
        return self.command(program(mode, *arguments), name=name or mode, **setup)

    def command(self, command: list[str], *, name: str, **setup: Any) -> Actor:
        """An agent with any command; quick to give up and to return."""
        name = name.replace("_", "-")
        marker = self.root / f"{name}.marker"
        values: dict[str, Any] = {
            "command": command,
            "env": {"MARKER": str(marker)},
            "stop_grace": 1.0,
            "backoff_initial": 0.05,
            "backoff_max": 0.4,
        }
        row = Agent(name=name, **(values | setup))
        setups.save(row)
        return Actor(row, marker)


def seconds_since(moment: float) -> float:
    return time.monotonic() - moment


def descriptors(pid: int | str = "self") -> int:
    """How many files a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}
