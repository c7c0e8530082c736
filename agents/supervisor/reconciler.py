"""The supervisor's turn: read what is wanted, see what ended, act, record.

Everything is reaped before anything is spawned, and each act is written before it
is taken.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from agents.policy.clock import Now, boot_seconds
from agents.policy.reconcile import Move, next_move
from agents.policy.states import Status
from agents.services.recording import Step
from agents.supervisor import adoption, death, handiwork, life, output_trouble
from agents.supervisor.braking import Braking
from agents.supervisor.deadlines import Deadlines
from agents.supervisor.exits import Exits
from agents.supervisor.handiwork import Sight
from agents.supervisor.hands import Hands
from agents.supervisor.health.watch import HealthWatch
from agents.supervisor.inside import Inside
from agents.supervisor.managed import ManagedAgent
from agents.supervisor.ordering import Ordering
from agents.supervisor.output_trouble import Trouble
from agents.supervisor.spawning import Places, Spawner
from agents.supervisor.stopping import Ladder
from agents.supervisor.store import AgentRecord, News, Store

logger = logging.getLogger(__name__)

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
        self.hands = Hands()
        self.url = ""
        self._node, self._store, self._only = node, store, only
        self._runs, self._wake = data / "runs", wake
        self.inside = Inside(inherited, lambda agent_id: self._exits.note(agent_id))
        self._exits = Exits(self.agents, self.hands, self.inside, wake)
        self._ladder = Ladder(self.hands, self.deadlines, self.inside)
        self._ordering = Ordering(self.agents, store.listen_up)
        self._braking = Braking(self.agents)
        places = Places(self._runs, data / "work", inherited)
        self._spawner = Spawner(self.agents, self.hands, places, self.inside, wake)
        self.health = HealthWatch(self.agents, self.hands, places, wake)
        self._dirty: set[int] = set()

    # -- beginning and end --

    async def adopt_all(self) -> None:
        """Load every agent and find what an earlier supervisor left."""
        records = await self._store.load(self._node, self._only)
        self._braking.hear(await self._store.brake())
        for record in records:
            self.agents[record.setup.id] = adoption.manage(record)
        open_runs = [record for record in records if record.live is not None]
        there = adoption.remains(open_runs, self._runs)
        findings = await self.hands.look(handiwork.find, there, self.hands.census)
        latest = [r.seen.run_id for r in records if r.seen.run_id is not None]
        await self.hands.look(handiwork.end_leaked_probes, latest, self.hands.census)
        steps = []
        for record, one, finding in zip(open_runs, there, findings, strict=True):
            agent = self.agents[record.setup.id]
            logger.info("%s: %s", agent.name, adoption.in_words(finding))
            if step := adoption.doubt(agent):
                steps.append(step)
            steps.append(adoption.adopt(agent, record, one, finding))
            self._exits.watch(agent)
        for agent in self.agents.values():
            if step := adoption.without_run(agent):
                steps.append(step)
        await self._store.record(steps)
        await self._store.settle_forgotten(self._node)
        await self._store.requeue_tasks()
        self._dirty.update(self.agents)

    def forget_all(self) -> None:
        """Let go of every process without touching it."""
        for agent in self.agents.values():
            self._exits.unwatch(agent)
        self.agents.clear()

    def close(self) -> None:
        """End the threads; the processes live on."""
        self._spawner.let_go()
        self.forget_all()
        self._exits.close()
        self.hands.close()

    # -- one turn --

    async def turn(self) -> None:
        """One look at everything and one move for each agent that is due.

        What was seen and what will be done are one transaction; then it is done.
        """
        self._dirty |= self.deadlines.due()
        # Two threads are asked at once: after a death it is the waiting that counts.
        news, sights = await asyncio.gather(
            self._store.news(self._node, self._only, self.agents),
            self._exits.look(self._dirty),
        )
        steps = self._take_in(news) + self._see_births() + self._see_exits(sights)
        well = self.health.hear()
        steps += well.steps
        self._dirty |= well.agents | self._ordering.touched_by(steps, well.agents)
        considered = self._take_dirty()
        moves = await self._consider(considered)
        self.health.follow(considered, self.url)
        beginnings = await self._spawner.prepare(self.url)
        # What could not even be prepared has its next time to be looked at.
        self._dirty |= {step.agent_id for step in beginnings if step.after.retry}
        moves += beginnings
        self._dirty |= self._ordering.touched_by(moves)
        steps += moves
        self._spawner.lay_out()
        await self._store.record(steps)
        self._ladder.take_rungs()
        await self._spawner.go()
        if any(a.setup.native is not None and not s.tree for a, s in sights):
            # However it ended: what it had not given back is worked on by nobody.
            await self._store.requeue_tasks()

    async def finish(self) -> None:
        """Record what is being spawned, before nobody is there to do so."""
        await self._spawner.finish()
        await self._store.record(self._see_births())

    @property
    def busy(self) -> bool:
        """Whether another turn is due at once."""
        return bool(self._dirty or self._exits.pending or self._spawner.busy)

    def touch(self, agent_id: int) -> None:
        """Consider the agent soon."""
        self._dirty.add(agent_id)

    def hear_of_output(self, found: Mapping[Path, Trouble | None]) -> None:
        """What a look at the folders of runs has shown, for the next turn."""
        for agent in self.agents.values():
            if agent.live is None or agent.live.folder not in found:
                continue
            trouble = found[agent.live.folder]
            if output_trouble.differs(agent, trouble):
                agent.output_news = (trouble,)
                self._dirty.add(agent.id)
                self._wake()

    def _take_dirty(self) -> list[ManagedAgent]:
        """Whoever is being spawned is looked at when that is done."""
        dirty, self._dirty = self._dirty - self._spawner.spawning(), set()
        return [agent for i in sorted(dirty) if (agent := self.agents.get(i))]

    def _take_in(self, news: News) -> list[Step]:
        fresh = {record.setup.id: record for record in news.records}
        self.inside.tell(news.tasks)
        if news.brake is not None:
            self._dirty |= self._braking.hear(news.brake)
        for agent_id in news.changed:
            self._refresh(agent_id, fresh.get(agent_id))
        for wish in news.stops:
            agent = self.agents[wish.agent_id]
            agent.wanted, agent.wanted_by = wish.wanted, wish.wanted_by
            self.touch(agent.id)
        return [
            life.heard_of_again(agent)
            for record in news.records
            if record.seen.status is Status.UNKNOWN
            and (agent := self.agents[record.setup.id]).status is not Status.UNKNOWN
        ]

    def _refresh(self, agent_id: int, record: AgentRecord | None) -> None:
        """The set-up and the wish are people's; what is seen stays ours."""
        self._ordering.forget()
        agent = self.agents.get(agent_id)
        if record is None:
            if agent is not None and agent.live is None:
                del self.agents[agent_id]
                self._spawner.forget(agent_id)
            return
        if agent is None:
            agent = self.agents[agent_id] = adoption.manage(record)
        agent.setup = record.setup
        agent.wanted = record.wanted
        agent.wanted_by = record.wanted_by
        agent.hear_heartbeat(record.heartbeat_run, record.last_heartbeat_at)
        self.touch(agent_id)

    def _see_exits(self, sights: Sequence[tuple[ManagedAgent, Sight]]) -> list[Step]:
        steps = []
        for agent, sight in sights:
            assert agent.live is not None and sight.ended is not None
            if not sight.tree:
                steps.append(death.tree_empty(agent, sight.ended))
            elif agent.live.ended is None:
                steps.append(death.leader_ended(agent, sight.ended, len(sight.tree)))
            self._ladder.remember(agent, sight.tree)
            self.touch(agent.id)
        return steps

    def _see_births(self) -> list[Step]:
        births = self._spawner.results()
        for agent, _ in births:
            self._exits.watch(agent)
            self.touch(agent.id)
        return [step for _, step in births]

    # -- moves --

    async def _consider(self, agents: list[ManagedAgent]) -> list[Step]:
        steps: list[Step] = []
        starting, now = [], Now.read()
        for agent in agents:
            news, agent.output_news = agent.output_news, None
            if news is not None and agent.live is not None:
                steps.append(output_trouble.note(agent, *news))
            move = next_move(agent.wanted, agent.facts())
            if agent.live is None:
                steps += self._without_run(agent, move)
            elif (held := self._hold_stop(agent, move)) is not None:
                steps += held
            elif move is Move.STOP or agent.live.ending:
                steps += self._ladder.climb(agent, now)
                self._exits.expect(agent)
            elif agent.status is Status.STARTING and not agent.live.executed:
                starting.append(agent)
            elif agent.status is Status.STARTING:
                steps += self._until_ready(agent)
            else:
                steps += self._while_running(agent, move)
        steps += await self._look_whether_executed(starting)
        return steps

    def _without_run(self, agent: ManagedAgent, move: Move) -> list[Step]:
        self._spawner.forget(agent.id)
        if move is Move.SETTLE:
            return [life.already_so(agent)]
        if (held := self._braking.hold(agent, move)) is not None:
            return held
        if move is Move.NOTHING:
            if retry := agent.seen.retry:
                self.deadlines.put(agent.id, boot_after(retry.seconds_until()))
            return []
        if move is Move.START:
            held = self._ordering.hold_start(agent)
            if held is not None:
                return held
        self._spawner.order(agent, automatic=move is Move.RETRY)
        return []

    def _hold_stop(self, agent: ManagedAgent, move: Move) -> list[Step] | None:
        live = agent.live
        if move is not Move.STOP or live is None or live.ending:
            return None
        return self._ordering.hold_stop(agent)

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
        return steps + self._ordering.lost(agent)

    def _until_ready(self, agent: ManagedAgent) -> list[Step]:
        step, again_at = self.health.until_ready(agent)
        if again_at is not None:
            self.deadlines.put(agent.id, again_at)
        return [step] if step else []

    async def _look_whether_executed(self, agents: list[ManagedAgent]) -> list[Step]:
        waiting = [(a, a.live.leader) for a in agents if a.live and a.live.leader]
        if not waiting:
            return []
        answers = await self.hands.look(
            handiwork.executed, [leader for _, leader in waiting]
        )
        steps = []
        for (agent, _), executed in zip(waiting, answers, strict=True):
            if executed:
                steps.append(life.has_executed(agent))
                self.touch(agent.id)
            else:
                self.deadlines.put(agent.id, boot_after(EXEC_LOOK))
        return steps


def boot_after(seconds: float) -> float:
    """The boot clock's reading that many seconds from now."""
    return boot_seconds() + seconds
