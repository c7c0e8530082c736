"""Births: ordered, looked at before, written down, and spawned a few at a time.

While one batch is being spawned the turns go on and write down the next one.
"""

from __future__ import annotations

import asyncio
import heapq
import os
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agents.adapters.launch import Launch
from agents.policy.preflight import Refused
from agents.policy.reconcile import Move, next_move
from agents.services import tokens
from agents.services.recording import Step
from agents.supervisor import death, handiwork, life
from agents.supervisor.handiwork import Failure, Made, Order
from agents.supervisor.hands import Hands
from agents.supervisor.inside import Inside
from agents.supervisor.managed import ManagedAgent

# So that a storm of crashes silences nobody.
SPAWNS_PER_TURN: Final = 32
# One is being spawned while the next is being written down.
BATCHES: Final = 2


@dataclass(frozen=True, slots=True)
class Places:
    """Where runs and agents have their folders, and what every run is given."""

    runs: Path
    homes: Path
    inherited: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Batch:
    """Agents whose runs are written down, and what will come of their spawn."""

    agents: Sequence[ManagedAgent]
    made: asyncio.Future[list[Made | Failure]]


class Spawner:
    """The agents that are to get a process, and those that are getting one.

    `wake` is called when a batch has been spawned.
    """

    def __init__(
        self,
        agents: Mapping[int, ManagedAgent],
        hands: Hands,
        places: Places,
        inside: Inside,
        wake: Callable[[], None],
    ) -> None:
        self._agents, self._hands, self._places = agents, hands, places
        self._inside = inside
        self._wake = wake
        self._ordered: dict[int, bool] = {}
        # Written down in this turn, to be spawned at its end.
        self._next: list[tuple[ManagedAgent, Launch]] = []
        self._laid_out: asyncio.Future[list[Failure | None]] | None = None
        self._under_way: deque[Batch] = deque()

    @property
    def busy(self) -> bool:
        """Whether somebody can be written down at once."""
        return bool(self._ordered) and len(self._under_way) < BATCHES

    def spawning(self) -> set[int]:
        """Those whose run is written down and whose process is not yet known."""
        return {agent.id for batch in self._under_way for agent in batch.agents}

    def order(self, agent: ManagedAgent, *, automatic: bool) -> None:
        """Give it a process soon."""
        self._ordered[agent.id] = automatic

    def forget(self, agent_id: int) -> None:
        """It needs none any more."""
        self._ordered.pop(agent_id, None)

    async def prepare(self, url: str) -> list[Step]:
        """The beginnings of the next few, to be recorded before their spawn."""
        orders = self._orders() if self.busy else []
        if not orders:
            return []
        looked_at = await self._hands.look(
            handiwork.prepare, orders, url, dict(self._places.inherited)
        )
        steps = []
        for order, launch in zip(orders, looked_at, strict=True):
            agent = self._agents[order.agent_id]
            if isinstance(launch, Refused):
                steps.append(life.refused(agent, str(launch)))
                continue
            steps.append(life.begin(agent, order, self._places.runs))
            if isinstance(launch, Failure):
                steps.append(death.not_spawned(agent, launch.why, hopeless=False))
            else:
                self._next.append((agent, launch))
        return steps

    def _orders(self) -> list[Order]:
        """Who was restarted least comes first: a storm of crashes waits its turn.

        Those that are no longer wanted fall out.
        """
        chosen = heapq.nsmallest(
            SPAWNS_PER_TURN,
            self._ordered,
            key=lambda agent_id: self._agents[agent_id].seen.restart_count,
        )
        orders = []
        for agent_id in chosen:
            automatic = self._ordered.pop(agent_id)
            agent = self._agents[agent_id]
            if next_move(agent.wanted, agent.facts()) in (Move.START, Move.RETRY):
                orders.append(self._order(agent, automatic))
        return orders

    def _order(self, agent: ManagedAgent, automatic: bool) -> Order:
        # A part of the hub needs no leave to act.
        token = "" if agent.setup.internal else tokens.for_run()
        home = self._places.homes / agent.name
        return Order(agent.id, uuid.uuid4(), agent.setup, home, automatic, token)

    def lay_out(self) -> None:
        """Make the files of the next batch, while its rows are being written."""
        if self._next:
            places = [(a.live.folder, x.stdin) for a, x in self._next if a.live]
            self._laid_out = self._hands.look(handiwork.lay_out_all, places)

    async def go(self) -> None:
        """Spawn the batch whose rows are written; `results` has what comes of it."""
        if self._laid_out is None:
            return
        failures, self._laid_out = await self._laid_out, None
        batch, self._next = self._next, []
        made = self._hands.spawn(
            handiwork.spawn_all,
            [
                failure or self._spawnable(agent, launch)
                for (agent, launch), failure in zip(batch, failures, strict=True)
            ],
        )
        made.add_done_callback(lambda _: self._wake())
        self._under_way.append(Batch([agent for agent, _ in batch], made))

    def _spawnable(
        self, agent: ManagedAgent, launch: Launch
    ) -> Made | tuple[uuid.UUID, Launch, Path]:
        live = agent.live
        assert live is not None
        if agent.setup.native is None:
            return live.id, launch, live.folder
        self._inside.begin(agent, launch)
        return Made(None, executed=True)

    def results(self) -> list[tuple[ManagedAgent, Step]]:
        """What came of the batches that are done, each with the step to record."""
        results = []
        while self._under_way and self._under_way[0].made.done():
            batch = self._under_way.popleft()
            for agent, made in zip(batch.agents, batch.made.result(), strict=True):
                results.append((agent, _what_came_of(agent, made)))
        return results

    async def finish(self) -> None:
        """Wait until nothing is being spawned."""
        await asyncio.gather(*(batch.made for batch in self._under_way))

    def let_go(self) -> None:
        """Forget what is being spawned: whoever comes next finds it by its mark."""
        for batch in self._under_way:
            batch.made.add_done_callback(_close_all)
        self._under_way.clear()


def _what_came_of(agent: ManagedAgent, made: Made | Failure) -> Step:
    if isinstance(made, Failure):
        return death.not_spawned(agent, made.why, hopeless=made.hopeless)
    return life.spawned(agent, made.process, made.executed)


def _close_all(made: asyncio.Future[list[Made | Failure]]) -> None:
    if made.cancelled() or made.exception():
        return
    for one in made.result():
        if isinstance(one, Made) and one.process is not None:
            os.close(one.process.pidfd)
