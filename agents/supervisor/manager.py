"""The process manager: one for each node, in one task, under the node's lock.

Whatever goes wrong inside, the agents live on: it forgets all, loads and adopts
anew. To end it is to leave the agents running.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import logging
import os
import uuid
from collections.abc import Awaitable, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from agents.execution.checking import keep_checking
from agents.policy.clock import boot_id, boot_seconds
from agents.policy.states import Action, Status
from agents.services import bell, measures, nodes
from agents.services.lifecycle import Asker
from agents.services.precedence import precedence
from agents.supervisor import output_trouble, sampler
from agents.supervisor.alarm import LOOK_ANYWAY, Alarm
from agents.supervisor.batching import carry_on_batches
from agents.supervisor.lock import NodeLock
from agents.supervisor.managed import ManagedAgent
from agents.supervisor.overdue import keep_ending
from agents.supervisor.process import reaping
from agents.supervisor.process.census import which_live
from agents.supervisor.process.limits import raise_file_limit
from agents.supervisor.pruning import keep_pruned
from agents.supervisor.reconciler import Reconciler
from agents.supervisor.retention import Keeper
from agents.supervisor.sampler import Load
from agents.supervisor.sight import sight
from agents.supervisor.store import Store
from agents.supervisor.word import Word

logger = logging.getLogger(__name__)

START_ANEW: Final = 1.0
BOUND_EVERY: Final = 2.0
AGREE_EVERY: Final = 0.02


class ProcessManager:
    """Supervises the agents of one node. Use from one event loop.

    `only`: no other agents than these, for a command that supervises in passing.
    `lock`: the node's, when the caller has taken it already.
    """

    def __init__(
        self,
        node: str = "local",
        url: str = "",
        only: Collection[int] | None = None,
        lock: NodeLock | None = None,
    ) -> None:
        self.node, self.url = node, url
        self.lock = lock or NodeLock(node)
        self.epoch = 0
        self._only = only
        self._ready = asyncio.Event()
        self._closing = False
        # Another supervisor has taken the node: two must not act on it.
        self._deposed = False
        self._word = Word(self.lock, url)
        self._store = Store(self._word.hear_of_database)
        self._alarm = Alarm(self._store.listen_up)
        self._reconciler = self._new_reconciler()
        self._sampling = ThreadPoolExecutor(1, thread_name_prefix="supervisor-sample")
        self._task: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._monitor: asyncio.Task[None] | None = None
        self.last_health: dict[str, bool] = {}

    def _new_reconciler(self) -> Reconciler:
        return Reconciler(
            self.node,
            self._store,
            Path(settings.AGENTHUB_DATA_DIR),
            settings.AGENTHUB_CHILD_ENVIRONMENT,
            self._alarm.ring,
            self._only,
        )

    # -- its own life --

    async def ensure_running(self) -> None:
        """Start supervising unless it does; raises lock.Held if another does."""
        if self._task is None or self._task.done():
            self.lock.take()
            self._word.say()
            self._closing = False
            self._ready.clear()
            raise_file_limit()
            reaping.become_subreaper()
            bell.answer(self.node, asyncio.get_running_loop(), self._alarm.ring)
            self._alarm.listen()
            self._task = asyncio.create_task(self._run(), name="supervisor")
        ready = asyncio.create_task(self._ready.wait())
        await asyncio.wait({ready, self._task}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._task.done():
            self._task.result()

    @property
    def running(self) -> bool:
        """Whether the supervising task lives."""
        return self._task is not None and not self._task.done()

    def when_done(self, tell: Callable[[], None]) -> None:
        """Call `tell` if the supervising task ends though nobody closed it."""
        assert self._task is not None
        self._task.add_done_callback(lambda _: None if self._closing else tell())

    def wake(self) -> None:
        """There may be something to do."""
        self._alarm.ring()

    async def close(self) -> None:
        """Stop supervising. The agents are left running."""
        self._closing = self._store.give_up = True
        self._alarm.ring()
        await self.stop_monitor()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        self._sampling.shutdown(wait=False)
        await self._store.close()

    async def _run(self) -> None:
        only = self._only
        try:
            self.epoch = await self._store.take_node(self.node, boot_id(), os.getpid())
            self._tasks = [
                asyncio.create_task(self._keep_doing(work), name=f"supervisor-{name}")
                for name, work in (
                    ("lease", self._renew),
                    ("sampler", self._sample),
                    ("retention", self._prune),
                    ("output", self._bound_output),
                    ("providers", partial(keep_checking, self._store.call, only)),
                    ("batches", partial(carry_on_batches, only)),
                    ("overdue", partial(keep_ending, self._store.call)),
                )
            ]
            while not (self._closing or self._deposed):
                try:
                    await self._supervise()
                except Exception:
                    logger.exception("the supervisor starts anew; agents live on")
                    await self._reconciler.health.close()
                    await self._reconciler.inside.close()
                    self._reconciler.close()
                    self._reconciler = self._new_reconciler()
                    await asyncio.sleep(START_ANEW)
            await self._store.call(nodes.leave, self.node, self.epoch)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            bell.stop_answering(self.node)
            self._alarm.deafen()
            await self._reconciler.health.close()
            await self._reconciler.inside.close()
            self._reconciler.close()
            self.lock.release()

    async def _supervise(self) -> None:
        reconciler = self._reconciler
        reconciler.url = self.url
        await reconciler.adopt_all()
        # What is there by now stays: the collector need not walk through all of Django
        # while hundreds are being stopped.
        gc.collect()
        gc.freeze()
        self._ready.set()
        while not (self._closing or self._deposed):
            self._alarm.quiet()
            await reconciler.turn()
            if reconciler.busy:
                continue
            precedence.give()
            await self._alarm.nap(reconciler.deadlines.seconds_to_next(LOOK_ANYWAY))
        await reconciler.finish()

    async def _keep_doing(self, work: Callable[[], Awaitable[None]]) -> None:
        """A task that has ended unnoticed would leave a node silent or blind."""
        while True:
            try:
                await work()
            except Exception:
                logger.exception("one of the supervisor's tasks starts anew")
            await asyncio.sleep(START_ANEW)

    async def _renew(self) -> None:
        while True:
            await self._word.relief(nodes.RENEW_EVERY)
            if not await self._store.renew(self.node, self.epoch):
                logger.error("node %s was taken by another supervisor", self.node)
                self._deposed = True
                self._alarm.ring()
            elif not self._store.degraded:
                self._word.end_hardship()

    async def _prune(self) -> None:
        runs = Path(settings.AGENTHUB_DATA_DIR) / "runs"
        await keep_pruned(self._store.call, self._sampling, runs)

    async def _bound_output(self) -> None:
        loop, keeper = asyncio.get_running_loop(), Keeper()
        disk = Path(settings.AGENTHUB_DATA_DIR) / "runs"
        while True:
            runs = [
                agent.live.folder
                for agent in self._every()
                if agent.live and agent.live.leader and not agent.live.ended
            ]
            gone = await loop.run_in_executor(self._sampling, keeper.look, runs)
            found = await loop.run_in_executor(
                self._sampling, output_trouble.look, runs, gone, disk
            )
            self._reconciler.hear_of_output(found)
            await asyncio.sleep(BOUND_EVERY)

    async def _sample(self) -> None:
        loop, meter, homes = (
            asyncio.get_running_loop(),
            sampler.Meter(),
            Path(settings.AGENTHUB_DATA_DIR) / "work",
        )
        for number in itertools.count():
            runs = sampler.to_sample(self._every(), homes, number)
            if runs:
                loads = await loop.run_in_executor(self._sampling, meter.measure, runs)
                await self._take_in(loads)
            await asyncio.sleep(sampler.period(len(runs)))

    async def _take_in(self, loads: dict[uuid.UUID, Load]) -> None:
        """What was measured, of the runs that are still alive."""
        health = self._reconciler.health
        await sampler.hear(self._every(), self._store)
        samples, beats = [], []
        for agent in self._every():
            live = agent.live
            load = None if live is None else loads.get(live.id)
            if live is None or load is None:
                continue
            samples.append(sampler.take_in(agent, live, load))
            if (beat := sampler.touched(agent, live, load)) is not None:
                beats.append((agent.id, beat))
            health.weigh(agent, load.rss_bytes)
        await self._store.call(measures.save_samples, samples, health.unsaved(), beats)

    # -- the hub's own cluster --

    async def begin_cluster(self) -> None:
        """Have one run if a schedule needs it; one that runs is left alone."""
        await self._store.keep_cluster("the hub has begun")
        self._alarm.ring()

    async def end_cluster(self) -> None:
        """The cluster ends with its hub: the next one may be of another version."""
        asked = await self._store.end_cluster("the hub ends") if self.running else None
        if asked is not None:
            self._alarm.ring()
            await self._agreed(asked.request_id)

    # -- what a program asks for --

    async def start_agent(self, agent_id: int) -> bool:
        """Ask for a start and wait: True once it runs or has completed."""
        return await self._ask(Action.START, agent_id)

    async def stop_agent(self, agent_id: int, graceful: bool = True) -> bool:
        """Ask for a stop (or a kill) and wait: True once its tree is empty."""
        return await self._ask(Action.STOP if graceful else Action.KILL, agent_id)

    async def restart_agent(self, agent_id: int) -> bool:
        """Ask for a restart and wait: True once the new run runs."""
        return await self._ask(Action.RESTART, agent_id)

    async def shutdown_all(self) -> None:
        """Stop every agent of the node; back once all are recorded as stopped."""
        await self.ensure_running()
        alive = [
            agent.id
            for agent in self._agents()
            if agent.status is not Status.STOPPED or not agent.settled
        ]
        asker = Asker("supervisor", "python", "shutdown_all")
        asked = await self._store.ask(Action.STOP, alive, asker)
        self._alarm.ring()
        for one in asked:
            await self._agreed(one.request_id)

    async def _ask(self, action: Action, agent_id: int) -> bool:
        await self.ensure_running()
        asked = await self._store.ask(action, [agent_id], Asker("program", "python"))
        if not asked:
            return False
        self._alarm.ring()
        return await self._agreed(asked[0].request_id)

    async def settle(self, agent_ids: Collection[int], until: float) -> bool:
        """Supervise until these agents' requests are settled, or the boot clock
        reads `until`; whether they are."""
        await self.ensure_running()
        while await self._store.open_requests(agent_ids):
            if boot_seconds() >= until:
                return False
            await asyncio.sleep(AGREE_EVERY)
        return True

    async def _agreed(self, request_id: int) -> bool:
        while True:
            outcome = await self._store.outcome(request_id)
            if outcome:
                return outcome == "done"
            await asyncio.sleep(AGREE_EVERY)

    # -- what it sees, from memory --

    def _every(self) -> list[ManagedAgent]:
        return list(self._reconciler.agents.values())

    def _agents(self) -> list[ManagedAgent]:
        """Without what is a part of the hub itself."""
        return [agent for agent in self._every() if not agent.setup.internal]

    def get_agent_status(self, agent_id: int) -> dict[str, Any] | None:
        """What is seen of one agent; None when there is none of this id."""
        agent = self._reconciler.agents.get(agent_id)
        return None if agent is None else sight(agent)

    def get_all_agents(self) -> list[dict[str, Any]]:
        """What is seen of every agent of the node."""
        return [sight(agent) for agent in self._agents()]

    def get_running_agents(self) -> list[str]:
        """The names of those that run, sorted."""
        return sorted(a.name for a in self._agents() if a.status is Status.RUNNING)

    def get_summary(self) -> dict[str, Any]:
        """The counts over all agents of the node."""
        agents, names = self._agents(), self.get_running_agents()
        hardship = self._word.hardship
        return {
            "total_agents": len(agents),
            "running_agents": len(names),
            "running_agent_names": names,
            "status_counts": {
                status.value: sum(agent.status is status for agent in agents)
                for status in Status
            },
            "supervisor_running": self.running,
            "degraded": asdict(hardship) if hardship else None,
        }

    # -- health --

    async def monitor_agent_health(self) -> dict[str, bool]:
        """By name, for each agent wanted running: does it run, and is it alive?"""
        wanted = [a for a in self._agents() if a.wanted.desired == "running"]
        leaders = {a.name: a.live.leader for a in wanted if a.live and a.live.leader}
        living = await self._reconciler.hands.look(which_live, leaders)
        living |= {a.name for a in wanted if self._reconciler.inside.lives(a.id)}
        self.last_health = {a.name: a.healthy and a.name in living for a in wanted}
        return self.last_health

    async def start_monitor(self, interval: float = 30) -> None:
        """Look at the health every `interval` seconds, into `last_health`."""
        await self.stop_monitor()
        self._monitor = asyncio.create_task(self._keep_looking(interval))

    async def _keep_looking(self, interval: float) -> None:
        while True:
            await self.monitor_agent_health()
            await asyncio.sleep(interval)

    async def stop_monitor(self) -> None:
        """End the looking; harmless when there is none."""
        if self._monitor is not None:
            self._monitor.cancel()
            await asyncio.gather(self._monitor, return_exceptions=True)
            self._monitor = None
