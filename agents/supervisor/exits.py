"""Exits: whose pidfd has become readable, and what is left of its tree.

What is seen is told to the turn; nothing is decided or recorded here. All pidfds are in
one epoll of their own, so that many deaths at once are one event of the loop; and while
many are being stopped, nobody is looked after before their deaths have ebbed.
"""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import Callable, Collection, Mapping
from typing import Final

from agents.policy.clock import boot_seconds
from agents.services.precedence import precedence
from agents.supervisor import handiwork
from agents.supervisor.handiwork import Sight, Watched
from agents.supervisor.hands import Hands
from agents.supervisor.inside import Inside
from agents.supervisor.managed import ManagedAgent

# Daemons of agents that run on die as our children, and no pidfd tells (seconds).
REAP_EVERY: Final = 2.0
# Expected deaths: heard so often, and told when there was none for so long, or after
# LONG_ENOUGH of them (seconds). A look meanwhile would take the time of their dying.
EBB: Final = 0.005
LONG_ENOUGH: Final = 0.1


class Exits:
    """Watches the leaders of live runs. `wake` is called when one has ended."""

    def __init__(
        self,
        agents: Mapping[int, ManagedAgent],
        hands: Hands,
        inside: Inside,
        wake: Callable[[], None],
    ) -> None:
        self._agents, self._hands, self._wake = agents, hands, wake
        self._inside = inside
        self._epoll: select.epoll | None = None
        self._watched: dict[int, int] = {}
        self._exited: set[int] = set()
        # Who is being stopped and has not ended, and when the first of them did.
        self._awaited: set[int] = set()
        self._flood_began: float | None = None
        self._ebbing: asyncio.TimerHandle | None = None
        self._reap_at = 0.0

    @property
    def pending(self) -> bool:
        """Whether somebody has ended whom `look` would see and has not yet."""
        return bool(self._exited) and self._ebbing is None

    def note(self, agent_id: int) -> None:
        """An agent inside the hub has ended; `watch` sees to one not yet born."""
        self._exited.add(agent_id)
        self._wake()

    def watch(self, agent: ManagedAgent) -> None:
        """Be told when the leader of its live run ends."""
        live = agent.live
        if live is None:
            return
        if live.pidfd is not None:
            self._watched[live.pidfd] = agent.id
            self._events().register(live.pidfd, select.EPOLLIN)
        if agent.setup.native is not None and not self._inside.lives(agent.id):
            self.note(agent.id)

    def expect(self, agent: ManagedAgent) -> None:
        """It is being stopped: when all such have ended, they are told of at once."""
        if agent.live is not None and agent.live.pidfd is not None:
            self._awaited.add(agent.id)

    def unwatch(self, agent: ManagedAgent) -> None:
        """Let go of the leader without touching it."""
        live = agent.live
        self._awaited.discard(agent.id)
        if live is not None and live.pidfd is not None:
            if self._watched.pop(live.pidfd, None) is not None:
                self._events().unregister(live.pidfd)
            os.close(live.pidfd)
            live.pidfd = None

    def close(self) -> None:
        """Hear of nobody any more."""
        if self._ebbing is not None:
            self._ebbing.cancel()
        if self._epoll is not None:
            asyncio.get_running_loop().remove_reader(self._epoll)
            self._epoll.close()
            self._epoll = None

    def _events(self) -> select.epoll:
        if self._epoll is None:
            self._epoll = select.epoll()
            asyncio.get_running_loop().add_reader(self._epoll, self._on_exits)
        return self._epoll

    def _on_exits(self) -> None:
        precedence.take()
        if self._hear_exits() and self._awaited:
            self._flood_began = boot_seconds()
            asyncio.get_running_loop().remove_reader(self._events())
            self._await_ebb()
        else:
            self._wake()

    def _hear_exits(self) -> bool:
        """Whether somebody has ended, and nobody who was not expected to."""
        ended = [self._watched[pidfd] for pidfd, _ in self._events().poll(0)]
        expected = bool(ended) and self._awaited.issuperset(ended)
        for agent_id in ended:
            self.unwatch(self._agents[agent_id])
        self._exited.update(ended)
        return expected

    def _await_ebb(self) -> None:
        loop = asyncio.get_running_loop()
        self._ebbing = loop.call_later(EBB, self._look_for_ebb)

    def _look_for_ebb(self) -> None:
        assert self._flood_began is not None
        floods = self._hear_exits() and bool(self._awaited)
        if floods and boot_seconds() - self._flood_began < LONG_ENOUGH:
            self._await_ebb()
            return
        # Who is left takes his time: his death is told of when it comes.
        self._awaited.clear()
        self._ebbing = None
        asyncio.get_running_loop().add_reader(self._events(), self._on_exits)
        self._wake()

    async def look(self, due: Collection[int]) -> list[tuple[ManagedAgent, Sight]]:
        """Those whose leader has ended, and what is left of their trees.

        `due`: of those whose leader ended earlier, look at these again.
        """
        exited: set[int] = set()
        if self._ebbing is None:
            exited, self._exited = self._exited, exited
        agents = [
            agent
            for i in sorted(exited.union(due))
            if (agent := self._agents.get(i)) and _may_have_ended(agent, i in exited)
        ]
        now = boot_seconds()
        if not agents and now < self._reap_at:
            return []
        self._reap_at = now + REAP_EVERY
        leaders = {
            agent.live.leader.pid
            for agent in self._agents.values()
            if agent.live and agent.live.leader
        }
        sights = await self._hands.look(
            handiwork.look_after,
            [self._to_look_at(agent) for agent in agents],
            leaders,
            self._hands.census,
        )
        return [
            (agent, sight)
            for agent, sight in zip(agents, sights, strict=True)
            if sight.ended is not None
        ]

    def _to_look_at(self, agent: ManagedAgent) -> Watched:
        live = agent.live
        assert live is not None
        ended, native = live.ended, agent.setup.native is not None
        if native and ended is None:
            ended = self._inside.ended(agent.id)
        thorough = live.stopping or live.adopted or live.ended is not None or native
        return Watched(live.tree, live.leader, live.folder, ended, thorough)


def _may_have_ended(agent: ManagedAgent, exited: bool) -> bool:
    live = agent.live
    if live is None:
        return False
    inside = agent.setup.native is not None
    there = live.executed if inside else live.leader is not None
    return live.ended is not None or (exited and there)
