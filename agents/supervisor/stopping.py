"""Climbing the stop ladder: each rung is recorded, then taken in the process thread.

*Stopped* is said elsewhere, when a sweep has found the tree empty.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Final

from agents.policy.clock import Now, boot_seconds
from agents.policy.ladder import KILL_PATIENCE, Rung, rungs
from agents.policy.states import Action, Desired
from agents.services.recording import Step
from agents.supervisor import death, handiwork
from agents.supervisor.deadlines import Deadlines
from agents.supervisor.handiwork import Asking
from agents.supervisor.hands import Hands
from agents.supervisor.inside import Inside
from agents.supervisor.managed import LiveRun, ManagedAgent
from agents.supervisor.process.census import Process

# The shim may write the exit status for so long before KILL takes it too.
SHIM_PATIENCE: Final = 0.5
# A tree may fork while it is being killed: it is swept again this often.
KILL_AGAIN: Final = 0.1
# Survivors end without a signal to us: they are looked for this often.
LOOK_AGAIN: Final = 0.05


class Ladder:
    """The agents that are being stopped in this turn."""

    def __init__(self, hands: Hands, deadlines: Deadlines, inside: Inside) -> None:
        self._hands, self._deadlines, self._inside = hands, deadlines, inside
        self._asking: list[tuple[ManagedAgent, Rung]] = []
        self._killing: list[ManagedAgent] = []
        self._survivors: dict[int, tuple[Process, ...]] = {}
        self._sent: deque[asyncio.Future[Any]] = deque()

    def remember(self, agent: ManagedAgent, tree: tuple[Process, ...]) -> None:
        """What a sweep saw alive of the agent."""
        if tree:
            self._survivors[agent.id] = tree
        else:
            self._survivors.pop(agent.id, None)

    def climb(self, agent: ManagedAgent, now: Now) -> list[Step]:
        """The next rung if it is due, as a step to record; then `take_rungs`."""
        live = agent.live
        assert live is not None
        ladder = self._ladder(agent)
        names = [rung.name for rung in ladder]
        if live.rung not in names:
            return [self._enter(agent, ladder[0], now)]
        at = names.index(live.rung)
        rung = ladder[at]
        if not rung.whole_tree:
            self._ask_again(agent, live, rung)
            waited = boot_seconds() - live.rung_at
            if waited >= rung.patience and at + 1 < len(ladder):
                return [self._enter(agent, ladder[at + 1], now)]
            self._look_later(agent, live, rung.patience - waited)
            return []
        self._killing.append(agent)
        said = any(one.type == death.UNKILLABLE for one in agent.seen.conditions)
        if live.killed_for() >= KILL_PATIENCE and not said:
            count = len(self._survivors.get(agent.id, ())) or 1
            return [death.unkillable(agent, count)]
        return []

    def _ask_again(self, agent: ManagedAgent, live: LiveRun, rung: Rung) -> None:
        """What outlived the leader was not in its group: it is asked too, once.

        So is everything when it was another hub that recorded the rung; whether that
        one came to ask, nobody knows, so the grace begins anew.
        """
        if not live.asked:
            live.rung_at = boot_seconds()
        anew = live.ended is not None and not live.survivors_asked
        if anew or not live.asked:
            live.asked, live.survivors_asked = True, live.ended is not None
            self._asking.append((agent, rung))

    @staticmethod
    def _ladder(agent: ManagedAgent) -> tuple[Rung, ...]:
        kill = (
            agent.wanted.action is Action.KILL
            and agent.wanted.desired is Desired.STOPPED
        )
        return rungs(agent.setup.stop_signal, agent.setup.stop_grace, kill=kill)

    def _enter(self, agent: ManagedAgent, rung: Rung, now: Now) -> Step:
        live = agent.live
        assert live is not None
        why = f"{agent.wanted.action} asked by {agent.wanted_by}"
        if live.rung:
            why = f"still alive after {agent.setup.stop_grace:g} s"
        elif live.condemned and agent.wanted.desired is Desired.RUNNING:
            why = live.condemned
        elif live.ended is not None and agent.wanted.desired is Desired.RUNNING:
            why = agent.seen.reason
        if rung.whole_tree:
            self._killing.append(agent)
        else:
            live.asked, live.survivors_asked = True, live.ended is not None
            self._asking.append((agent, rung))
            self._look_later(agent, live, rung.patience)
        return death.climb(agent, rung, why, now)

    def _look_later(self, agent: ManagedAgent, live: LiveRun, patience: float) -> None:
        wait = min(patience, LOOK_AGAIN) if live.ended is not None else patience
        self._deadlines.put(agent.id, boot_seconds() + max(0.0, wait))

    def take_rungs(self) -> None:
        """Send what was recorded: asking signals one by one, KILL in one sweep.

        Not waited for: whoever looks for exits next comes after it in the same
        thread, and what went wrong before is raised here.
        """
        while self._sent and self._sent[0].done():
            self._sent.popleft().result()
        asking, self._asking = self._asking, []
        killing, self._killing = self._killing, []
        self._ask(asking)
        self._kill(killing)

    def _ask(self, asking: list[tuple[ManagedAgent, Rung]]) -> None:
        for agent, _ in asking:
            if agent.setup.native is not None:
                self._inside.interrupt(agent.id, _why_interrupted(agent))
        asked = [
            Asking(
                live.tree,
                rung.signal,
                self._survivors.get(agent.id, ()),
                # Then its number cannot be anybody else's, since we reap it.
                ours=not live.adopted and live.ended is None,
            )
            for agent, rung in asking
            if (live := agent.live) is not None
        ]
        if asked:
            self._sent.append(self._hands.look(handiwork.ask_all_to_end, asked))

    def _kill(self, agents: list[ManagedAgent]) -> None:
        keys = [(a.live.tree, _shim_too(a.live)) for a in agents if a.live]
        if keys:
            self._sent.append(
                self._hands.look(handiwork.kill_trees, keys, self._hands.census)
            )
        for agent in agents:
            if agent.setup.native is not None:
                self._inside.kill(agent.id)
            self._deadlines.put(agent.id, boot_seconds() + KILL_AGAIN)


def _why_interrupted(agent: ManagedAgent) -> str:
    """What a task in the middle is told."""
    live = agent.live
    if live is not None and live.condemned:
        return live.condemned
    return f"{agent.wanted.action} of {agent.name} asked by {agent.wanted_by}"


def _shim_too(live: LiveRun) -> bool:
    """Whether the shim has had its time since KILL was sent, by this very hub."""
    if live.killed_at is None:
        live.killed_at = boot_seconds()
    return live.killed_for() >= SHIM_PATIENCE
