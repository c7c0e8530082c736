"""Agents that live inside the hub: each run is an asyncio task, begun and ended here.

What they spawn wears their run's mark, so trees are swept as for any program.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from agents.adapters.launch import Launch
from agents.execution.office import Office
from agents.execution.worker import Place, Worker
from agents.policy.clock import boot_seconds
from agents.supervisor.managed import ManagedAgent
from agents.supervisor.process.reaping import Ended

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Resident:
    worker: Worker
    task: asyncio.Task[str]


class Inside:
    """The residents of one supervisor. `wake` is called with whoever has ended."""

    def __init__(
        self, inherited: Mapping[str, str], wake: Callable[[int], None]
    ) -> None:
        self._inherited, self._wake = dict(inherited), wake
        self._residents: dict[int, _Resident] = {}
        self._office: Office | None = None

    def begin(self, agent: ManagedAgent, launch: Launch) -> None:
        """Begin its live run."""
        live, setup = agent.live, agent.setup
        assert live is not None and setup.native is not None
        self._office = self._office or Office()
        place = Place(
            agent_id=agent.id,
            agent=agent.name,
            run_id=live.id,
            folder=live.folder,
            workspace=Path(launch.cwd),
            env=dict(setup.env),
            inherited=self._inherited,
            marks=dict(launch.env),
        )

        def beat() -> None:
            live.signs = replace(live.signs, heartbeat=boot_seconds())

        worker = Worker(setup.native, place, self._office, beat)
        task = asyncio.create_task(worker.run(), name=f"agent {agent.name}")
        task.add_done_callback(lambda _: self._wake(agent.id))
        self._residents[agent.id] = _Resident(worker, task)

    def interrupt(self, agent_id: int, reason: str) -> None:
        """Ask it to end; harmless when it has."""
        if resident := self._residents.get(agent_id):
            resident.worker.interrupt(reason)

    def kill(self, agent_id: int) -> None:
        """End it where it stands; asked again, it may still write down its end."""
        if resident := self._residents.get(agent_id):
            _cancel(resident.task)

    def tell(self, agent_ids: Collection[int]) -> None:
        """Tasks of these agents have changed."""
        for agent_id in agent_ids:
            if resident := self._residents.get(agent_id):
                resident.worker.wake()

    def lives(self, agent_id: int) -> bool:
        """Whether its run goes on."""
        resident = self._residents.get(agent_id)
        return resident is not None and not resident.task.done()

    def ended(self, agent_id: int) -> Ended | None:
        """How its run ended; None while it lives. Forgotten once it was told."""
        resident = self._residents.get(agent_id)
        if resident is None or not resident.task.done():
            return None
        del self._residents[agent_id]
        return _how(resident.task)

    async def close(self) -> None:
        """The hub ends: so do they, and their tasks go on with the next one."""
        residents, self._residents = list(self._residents.values()), {}
        if self._office is not None:
            self._office.give_up()
        for resident in residents:
            resident.worker.leave()
            _cancel(resident.task)
        await asyncio.gather(*(r.task for r in residents), return_exceptions=True)
        office, self._office = self._office, None
        try:
            if office is not None:
                await office.close()
        except Exception:
            # A supervisor that begins anew is not kept from it by what it leaves.
            logger.exception("what native agents shared was not closed in order")


def _cancel(task: asyncio.Task[str]) -> None:
    """Once: a second time would cut off what it writes down of its end."""
    if not task.cancelling():
        task.cancel()


def _how(task: asyncio.Task[str]) -> Ended:
    now = datetime.now(UTC)
    if task.cancelled():
        return Ended(None, now, "it was ended at once")
    if error := task.exception():
        logger.error("%s failed", task.get_name(), exc_info=error)
        return Ended(1, now, f"an error of the hub: {type(error).__name__}: {error}")
    fatal = task.result()
    return Ended(1, now, fatal, hopeless=True) if fatal else Ended(0, now, "it ended")
