"""One run of a native agent: claims its tasks, executes them, and says what it does.

It lives as long as the run. Everything it knows is in the database: it may be cut off
at any instant.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from django.utils import timezone

from agents.execution.assignment import Assignment
from agents.execution.locking import Locker
from agents.execution.log import Log
from agents.execution.native import NativeLLMAgent
from agents.execution.office import Office
from agents.execution.tools.tool import Surroundings
from agents.execution.touching import Touching
from agents.policy.native import NativeSetup
from agents.services import heartbeats, work
from agents.services.heartbeats import RunOver
from agents.services.providers import Unusable
from agents.services.work import Claimed

logger = logging.getLogger(__name__)

# Seconds. A heartbeat spends no tokens and asks no provider.
HEARTBEAT: Final = 30.0


@dataclass(frozen=True, slots=True)
class Place:
    """Whose run it is, and where it works. `env`: the agent's own variables; `marks`:
    those that say whose a process is and how it reaches the hub."""

    agent_id: int
    agent: str
    run_id: uuid.UUID
    folder: Path
    workspace: Path
    env: dict[str, str]
    inherited: dict[str, str]
    marks: dict[str, str] = field(repr=False)


class Worker:
    """Runs once, on the event loop."""

    def __init__(
        self,
        setup: NativeSetup,
        place: Place,
        office: Office,
        beat: Callable[[], None],
    ) -> None:
        """`beat` is called with each sign of life."""
        self._beat = beat
        self._setup, self._place, self._bridge = setup, place, office.bridge
        self._agent = NativeLLMAgent(setup, office.desk)
        self._log = Log(place.folder, office.writer)
        self._woken = asyncio.Event()
        self._assignments: dict[int, tuple[Assignment, asyncio.Task[None]]] = {}
        self._interrupted = ""
        self._fatal = ""
        self._said: tuple[str, str] | None = None
        self._said_at = 0.0
        self._due: float | None = None

    def wake(self) -> None:
        """Tasks of this agent have changed."""
        self._woken.set()

    def interrupt(self, reason: str) -> None:
        """End: what is being worked on becomes *interrupted*, for this reason."""
        self._interrupted = self._interrupted or reason
        for assignment, _ in self._assignments.values():
            assignment.interrupt(reason)
        self._woken.set()

    def leave(self) -> None:
        """A run that is cancelled from here on leaves its tasks to the next."""
        for assignment, _ in self._assignments.values():
            assignment.leave()

    async def run(self) -> str:
        """Work until interrupted; empty then, else why this agent cannot work."""
        try:
            await self._agent.detect()
        except Unusable as error:
            self._log.say(str(error))
            return str(error)
        place = self._place
        await self._bridge.call(work.requeue_lost, place.agent_id, place.run_id)
        try:
            while not (self._interrupted or self._fatal):
                self._woken.clear()
                await self._turn()
                await self._sleep()
            if self._interrupted:
                for assignment, _ in self._assignments.values():
                    assignment.interrupt(self._interrupted)
                await self._finish()
            else:
                self.leave()  # Its other tasks wait as well until it can work again.
        except Exception:
            self.leave()  # An error of the hub is no failure of its other tasks.
            raise
        finally:
            for _, task in self._assignments.values():
                task.cancel()
            await self._finish()
        return self._fatal

    async def _turn(self) -> None:
        await self._collect()
        if self._fatal:
            return
        place, held = self._place, [a for a, _ in self._assignments.values()]
        turn = await self._bridge.call(
            work.turn,
            place.agent_id,
            place.run_id,
            self._setup.max_concurrent_tasks - len(held),
            [assignment.claimed for assignment in held],
            str(place.workspace),
        )
        for assignment in held:
            assignment.hear(turn.sights[assignment.claimed.id])
        if self._interrupted or self._fatal:
            return  # What was claimed meanwhile is queued again with the run's end.
        for claimed in turn.claimed:
            self._begin(claimed)
        self._due = turn.due
        await self._say_activity()

    def _begin(self, claimed: Claimed) -> None:
        place = self._place
        assignment = Assignment(
            claimed,
            self._agent,
            self._bridge,
            self._log,
            self._around,
            self.wake,
            self._give_up,
        )
        task = asyncio.create_task(
            assignment.carry_out(), name=f"{place.agent} task {claimed.id}"
        )
        task.add_done_callback(lambda _: self._woken.set())
        self._assignments[claimed.id] = assignment, task

    def _around(self, assignment: Assignment) -> Surroundings:
        place = self._place
        locker = Locker(
            assignment.claimed,
            self._bridge,
            place.workspace,
            assignment.news,
            assignment.wait_for,
        )
        touching = Touching(assignment.claimed, self._bridge, place.workspace)
        assignment.before_end = touching.end
        return Surroundings(
            workspace=place.workspace,
            run_id=place.run_id,
            folder=place.folder,
            env=place.env,
            inherited=place.inherited,
            marks=place.marks,
            agent=place.agent,
            allow_commands=self._setup.allow_commands,
            ask=assignment.ask_person,
            lock=locker.hold,
            command_begins=touching.begin,
        )

    def _give_up(self, reason: str) -> None:
        self._fatal = self._fatal or reason
        self._woken.set()

    async def _collect(self) -> None:
        for number, (_, task) in list(self._assignments.items()):
            if task.done():
                del self._assignments[number]
                task.result()

    async def _finish(self) -> None:
        """Wait for what is under way; how it ended is its own to write down."""
        tasks = [task for _, task in self._assignments.values()]
        await asyncio.gather(*tasks, return_exceptions=True)
        self._assignments.clear()

    async def _sleep(self) -> None:
        """Until something changes, a waiting task is due, or it is time for a beat."""
        loop = asyncio.get_running_loop()
        patience = max(0.0, self._said_at + HEARTBEAT - loop.time())
        if self._due is not None:
            patience = min(patience, self._due)
        timer = loop.call_later(patience, self._woken.set)
        try:
            await self._woken.wait()
        finally:
            timer.cancel()

    async def _say_activity(self) -> None:
        """Only what is new, and a beat when it is time."""
        waiting = [a.waits for a, _ in self._assignments.values() if a.waits]
        said = ("idle", "")
        if self._assignments:
            busy = len(waiting) < len(self._assignments)
            said = ("working", "") if busy else ("waiting", waiting[0])
        now = asyncio.get_running_loop().time()
        if said == self._said and now < self._said_at + HEARTBEAT:
            return
        self._said, self._said_at = said, now
        self._beat()
        await self._bridge.call(self._note, said, timezone.now())

    def _note(self, said: tuple[str, str], at: datetime) -> None:
        place, (activity, note) = self._place, said
        # Of a run that is over nobody wants to know what it does.
        with suppress(RunOver):
            heartbeats.note_down(
                place.agent_id, place.run_id, at, activity=activity, note=note
            )
