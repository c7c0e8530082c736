"""The supervisor's turn: read what is wanted, see what ended, act, record.

Everything is reaped before anything is spawned, and spawns per turn are bounded,
so that a storm of crashes silences nobody. Each act is written before it is taken.
"""

from __future__ import annotations

import asyncio
import logging
import os
import uuid
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from agents.adapters.launch import Launch
from agents.policy.clock import boot_seconds
from agents.policy.preflight import Refused
from agents.policy.reconcile import Move, next_move
from agents.policy.states import Status
from agents.services.recording import Step
from agents.supervisor import adoption, death, handiwork, life
from agents.supervisor.deadlines import Deadlines
from agents.supervisor.handiwork import Failure, Order, Watched
from agents.supervisor.managed import ManagedAgent
from agents.supervisor.process.census import Census
from agents.supervisor.stopping import Ladder
from agents.supervisor.store import AgentRecord, Store

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

SPAWNS_PER_TURN: Final = 32
# Daemons of agents that run on die as our children, and no pidfd tells (seconds).
REAP_EVERY: Final = 2.0
# How often to look whether a shim has become the program, which takes about 1 ms.
EXEC_LOOK: Final = 0.003


class Reconciler:
    """The agents of one node, and one turn at a time over them.

    `data`: the data directory; `only`: manage no other agents than these.
    """

    def __init__(
        self,
        node: str,
        store: Store,
        data: Path,
        inherited: dict[str, str],
        wake: Callable[[], None],
        only: Collection[int] | None = None,
    ) -> None:
        self.agents: dict[int, ManagedAgent] = {}
        self.deadlines = Deadlines()
        self.url = ""
        self._node, self._store, self._only = node, store, only
        self._runs, self._homes = data / "runs", data / "work"
        self._inherited, self._wake = inherited, wake
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="supervisor-process")
        self._census = Census()
        self._ladder = Ladder(self)
        self._exited: set[int] = set()
        self._dirty: set[int] = set()
        self._to_spawn: dict[int, bool] = {}
        self._reap_at = 0.0

    # -- the processes' thread --

    async def by_hand(
        self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run in the process thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._thread, lambda: function(*args, **kwargs)
        )

    @property
    def census(self) -> Census:
        """For the process thread only."""
        return self._census

    # -- beginning and end --

    async def adopt_all(self) -> None:
        """Load every agent and find what an earlier supervisor left."""
        records = await self._store.load(self._node, self._only)
        for record in records:
            self.agents[record.setup.id] = adoption.manage(record)
        open_runs = [record for record in records if record.live is not None]
        there = adoption.remains(open_runs, self._runs)
        findings = await self.by_hand(handiwork.find, there, self._census)
        steps = []
        for record, one, finding in zip(open_runs, there, findings, strict=True):
            agent = self.agents[record.setup.id]
            logger.info("%s: %s", agent.name, adoption.in_words(finding))
            if step := adoption.doubt(agent):
                steps.append(step)
            steps.append(adoption.adopt(agent, record, one, finding))
            self._watch(agent)
        for agent in self.agents.values():
            if step := adoption.without_run(agent):
                steps.append(step)
        await self._store.record(steps)
        await self._store.settle_forgotten(self._node)
        self._dirty.update(self.agents)

    def forget_all(self) -> None:
        """Let go of every process without touching it."""
        for agent in self.agents.values():
            self._unwatch(agent)
        self.agents.clear()

    def close(self) -> None:
        """End the thread; the processes live on."""
        self.forget_all()
        self._thread.shutdown(wait=False)

    # -- one turn --

    async def turn(self) -> None:
        """One look at everything and one move for each agent that is due.

        What was seen and what will be done are one transaction; then it is done.
        """
        steps = await self._read_news()
        self._dirty |= self.deadlines.due()
        steps += await self._see_exits()
        steps += await self._consider(self._take_dirty())
        launches, beginnings = await self._prepare_some()
        await self._store.record(steps + beginnings)
        await self._ladder.take_rungs()
        await self._spawn(launches)

    @property
    def busy(self) -> bool:
        """Whether another turn is due at once."""
        return bool(self._dirty or self._exited or self._to_spawn)

    def touch(self, agent_id: int) -> None:
        """Consider the agent in the next turn."""
        self._dirty.add(agent_id)

    def _take_dirty(self) -> list[ManagedAgent]:
        dirty, self._dirty = self._dirty, set()
        return [agent for i in sorted(dirty) if (agent := self.agents.get(i))]

    async def _read_news(self) -> list[Step]:
        changed, records = await self._store.news(self._node, self._only)
        fresh = {record.setup.id: record for record in records}
        for agent_id in changed:
            self._refresh(agent_id, fresh.get(agent_id))
        return [
            life.heard_of_again(agent)
            for record in records
            if record.seen.status is Status.UNKNOWN
            and (agent := self.agents[record.setup.id]).status is not Status.UNKNOWN
        ]

    def _refresh(self, agent_id: int, record: AgentRecord | None) -> None:
        """The set-up and the wish are people's; what is seen stays ours."""
        agent = self.agents.get(agent_id)
        if record is None:
            if agent is not None and agent.live is None:
                del self.agents[agent_id]
                self._to_spawn.pop(agent_id, None)
            return
        if agent is None:
            agent = self.agents[agent_id] = adoption.manage(record)
        agent.setup = record.setup
        agent.wanted = record.wanted
        agent.wanted_by = record.wanted_by
        self._dirty.add(agent_id)

    # -- exits --

    def _watch(self, agent: ManagedAgent) -> None:
        live = agent.live
        if live is None or live.pidfd is None:
            return
        asyncio.get_running_loop().add_reader(live.pidfd, self._on_exit, agent.id)

    def _on_exit(self, agent_id: int) -> None:
        agent = self.agents[agent_id]
        self._unwatch(agent)
        self._exited.add(agent_id)
        self._wake()

    def _unwatch(self, agent: ManagedAgent) -> None:
        live = agent.live
        if live is not None and live.pidfd is not None:
            asyncio.get_running_loop().remove_reader(live.pidfd)
            os.close(live.pidfd)
            live.pidfd = None

    async def _see_exits(self) -> list[Step]:
        exited, self._exited = self._exited, set()
        waiting = {
            agent.id
            for agent in self.agents.values()
            if agent.live is not None and agent.live.ended is not None
        }
        agents = [
            agent
            for i in sorted(exited | (waiting & self._dirty))
            if (agent := self.agents.get(i))
            and agent.live
            and (agent.live.leader or agent.live.ended)
        ]
        now = boot_seconds()
        if not agents and now < self._reap_at:
            return []
        self._reap_at = now + REAP_EVERY
        leaders = {
            a.live.leader.pid for a in self.agents.values() if a.live and a.live.leader
        }
        sights = await self.by_hand(
            handiwork.look_after,
            [self._watched(agent) for agent in agents],
            leaders,
            self._census,
        )
        steps = []
        for agent, sight in zip(agents, sights, strict=True):
            if sight.ended is None:
                continue
            assert agent.live is not None
            if not sight.tree:
                steps.append(death.tree_empty(agent, sight.ended))
            elif agent.live.ended is None:
                steps.append(death.leader_ended(agent, sight.ended, len(sight.tree)))
            self._ladder.remember(agent, sight.tree)
            self._dirty.add(agent.id)
        return steps

    @staticmethod
    def _watched(agent: ManagedAgent) -> Watched:
        live = agent.live
        assert live is not None
        thorough = live.stopping or live.adopted or live.ended is not None
        return Watched(live.tree, live.leader, live.folder, live.ended, thorough)

    # -- moves --

    async def _consider(self, agents: list[ManagedAgent]) -> list[Step]:
        steps: list[Step] = []
        starting = []
        for agent in agents:
            move = next_move(agent.wanted, agent.facts())
            if agent.live is None:
                steps += self._without_run(agent, move)
            elif move is Move.STOP or agent.live.stopping or agent.live.ended:
                steps += self._ladder.climb(agent)
            elif agent.status is Status.STARTING:
                starting.append(agent)
            else:
                steps += self._while_running(agent, move)
        steps += await self._look_whether_executed(starting)
        return steps

    def _without_run(self, agent: ManagedAgent, move: Move) -> list[Step]:
        self._to_spawn.pop(agent.id, None)
        if move is Move.SETTLE:
            return [life.already_so(agent)]
        if move is Move.NOTHING:
            if retry := agent.seen.retry:
                self.deadlines.put(agent.id, boot_after(retry.seconds_until()))
            return []
        self._to_spawn[agent.id] = move is Move.RETRY
        return []

    def _while_running(self, agent: ManagedAgent, move: Move) -> list[Step]:
        now = boot_after(0)
        steps = [life.already_so(agent)] if move is Move.SETTLE else []
        if agent.proving is not None:
            if agent.proving[1] <= now:
                steps.append(life.proved(agent))
            else:
                self.deadlines.put(agent.id, agent.proving[1])
        elif agent.healthy_at is not None:
            if agent.healthy_at <= now:
                steps.append(life.proven_healthy(agent))
            else:
                self.deadlines.put(agent.id, agent.healthy_at)
        if agent.healthy_at is not None:
            self.deadlines.put(agent.id, agent.healthy_at)
        return steps

    async def _look_whether_executed(self, agents: list[ManagedAgent]) -> list[Step]:
        waiting = [(a, a.live.leader) for a in agents if a.live and a.live.leader]
        if not waiting:
            return []
        answers = await self.by_hand(
            handiwork.executed, [leader for _, leader in waiting]
        )
        steps = []
        for (agent, _), executed in zip(waiting, answers, strict=True):
            if executed:
                steps.append(life.running(agent))
                self._dirty.add(agent.id)
            else:
                self.deadlines.put(agent.id, boot_after(EXEC_LOOK))
        return steps

    # -- spawning --

    def _orders(self) -> list[Order]:
        """The next few to spawn; those that are no longer wanted fall out."""
        orders: list[Order] = []
        while self._to_spawn and len(orders) < SPAWNS_PER_TURN:
            agent_id = next(iter(self._to_spawn))
            automatic = self._to_spawn.pop(agent_id)
            agent = self.agents[agent_id]
            if next_move(agent.wanted, agent.facts()) in (Move.START, Move.RETRY):
                home = self._homes / agent.name
                orders.append(
                    Order(agent_id, uuid.uuid4(), agent.setup, home, automatic)
                )
        return orders

    async def _prepare_some(
        self,
    ) -> tuple[list[tuple[ManagedAgent, Launch]], list[Step]]:
        """What to spawn in this turn, and its beginnings to record before."""
        orders = self._orders()
        if not orders:
            return [], []
        prepared = await self.by_hand(
            handiwork.prepare, orders, self.url, self._inherited
        )
        steps, launches = [], []
        for order, launch in zip(orders, prepared, strict=True):
            agent = self.agents[order.agent_id]
            if isinstance(launch, Refused):
                steps.append(life.refused(agent, str(launch)))
                continue
            steps.append(
                life.begin(agent, order.run_id, self._runs, automatic=order.automatic)
            )
            launches.append((agent, launch))
        return launches, steps

    async def _spawn(self, launches: list[tuple[ManagedAgent, Launch]]) -> None:
        if not launches:
            return
        runs = [(agent, agent.live, launch) for agent, launch in launches]
        results = await self.by_hand(
            handiwork.spawn_all,
            [(live.id, launch, live.folder) for _, live, launch in runs if live],
        )
        steps = []
        for (agent, _, _), result in zip(runs, results, strict=True):
            if isinstance(result, Failure):
                steps.append(
                    death.not_spawned(agent, result.why, hopeless=result.hopeless)
                )
            else:
                steps.append(life.spawned(agent, *result))
                self._watch(agent)
            self._dirty.add(agent.id)
        await self._store.record(steps)


def boot_after(seconds: float) -> float:
    """The boot clock's reading that many seconds from now."""
    return boot_seconds() + seconds
