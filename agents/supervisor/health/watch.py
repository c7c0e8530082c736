"""The health of one node's agents: which probes to ask, and what they have said."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from agents.adapters.launch import Surroundings
from agents.policy.clock import boot_seconds
from agents.policy.probes import AILMENTS, Ailment, Probe
from agents.policy.thresholds import ProbeState
from agents.services import figures
from agents.services.recording import Step
from agents.services.shapes import utc
from agents.supervisor.hands import Hands
from agents.supervisor.health import verdicts
from agents.supervisor.health.runner import Runner, Watch
from agents.supervisor.health.target import Target
from agents.supervisor.health.verdicts import Verdict
from agents.supervisor.managed import LiveRun, ManagedAgent
from agents.supervisor.spawning import Places


@dataclass(slots=True)
class _Followed:
    """A run that is followed, by its probes."""

    run_id: uuid.UUID
    watches: dict[Probe, Watch]


@dataclass(frozen=True, slots=True)
class Heard:
    """Steps to record, and the agents to consider."""

    steps: list[Step]
    agents: set[int]


class HealthWatch:
    """Follows live runs; `wake` is called when there is something to `hear`."""

    def __init__(
        self,
        agents: Mapping[int, ManagedAgent],
        hands: Hands,
        places: Places,
        wake: Callable[[], None],
    ) -> None:
        self._agents, self._places, self._wake = agents, places, wake
        self._runner = Runner(hands, self._heard)
        self._followed: dict[int, _Followed] = {}
        self._verdicts: list[Verdict] = []
        self._unsaved: set[int] = set()

    async def close(self) -> None:
        """Ask nothing more; no probe's program is left behind."""
        await self._runner.close()

    # -- what to ask --

    def follow(self, agents: Collection[ManagedAgent], url: str) -> None:
        """These may have changed: their runs, or their set-ups."""
        for agent in agents:
            followed, live = self._followed.get(agent.id), _to_follow(agent)
            if followed and (live is None or live.id != followed.run_id):
                self._leave(agent.id)
                followed = None
            if live is not None and (
                followed or agent.setup.probes or agent.seen.conditions
            ):
                self._plan(agent, live, followed, url)

    def _leave(self, agent_id: int) -> None:
        for watch in self._followed.pop(agent_id).watches.values():
            self._runner.drop(watch)

    def _plan(
        self,
        agent: ManagedAgent,
        live: LiveRun,
        followed: _Followed | None,
        url: str,
    ) -> None:
        """Ask what is new, drop what is gone, leave alone what is as it was."""
        had = followed.watches if followed else {}
        probes = agent.setup.probes
        if followed and tuple(had) == probes:
            return
        for probe in had.keys() - set(probes):
            self._runner.drop(had[probe])
        target = self._target(agent, live, url)
        self._followed[agent.id] = _Followed(
            live.id,
            {p: had.get(p) or self._runner.start(target, p) for p in probes},
        )
        self._unsaved.add(agent.id)
        self._retire(agent, live, {probe.subject for probe in probes})

    def _retire(self, agent: ManagedAgent, live: LiveRun, subjects: set[str]) -> None:
        """What was said of a probe that is no more does not stand for ever."""
        said = {
            one.reason.partition(": ")[0]
            for one in agent.seen.conditions
            if one.type in AILMENTS
        }
        for subject in (said | live.verdicts.keys()) - subjects:
            reason = f"{subject} is no longer in the set-up"
            state = ProbeState.WAITING
            kind = Ailment.UNHEALTHY
            self._say(Verdict(agent.id, live.id, subject, kind, state, reason))

    def _target(self, agent: ManagedAgent, live: LiveRun, url: str) -> Target:
        home = str(self._places.homes / agent.name)
        return Target(
            agent_id=agent.id,
            run_id=live.id,
            began=live.began,
            setup=agent.setup,
            around=Surroundings(str(live.id), home, url, self._places.inherited),
            signs=lambda: live.signs,
            ready=lambda: live.ready,
        )

    # -- what is heard --

    def _heard(self, watch: Watch, changed: bool) -> None:
        agent_id, result = watch.target.agent_id, watch.latest
        self._unsaved.add(agent_id)
        if not changed or result is None:
            return
        why = result.detail
        if watch.tally.failed > 1:
            why = f"{why}, {watch.tally.failed} times in a row"
        self._say(
            verdicts.of_probe(
                agent_id, watch.target.run_id, watch.probe, watch.tally.state, why
            )
        )

    def _say(self, verdict: Verdict) -> None:
        self._verdicts.append(verdict)
        self._wake()

    def weigh(self, agent: ManagedAgent, rss_bytes: int) -> None:
        """Hold the memory of its tree against its limit."""
        live, limit = agent.live, agent.setup.memory_limit
        if live is None or limit is None or rss_bytes <= limit or live.condemned:
            return
        used, most = figures.size(rss_bytes), figures.size(limit)
        reason = f"memory: its processes use {used}, and its limit is {most}"
        state = ProbeState.FAILING
        self._say(
            Verdict(agent.id, live.id, "memory", Ailment.MEMORY, state, reason, True)
        )

    def hear(self) -> Heard:
        """What has been found since the last turn."""
        found, self._verdicts = self._verdicts, []
        heard = Heard([], set())
        for verdict in found:
            if (agent := self._agents.get(verdict.agent_id)) is None:
                continue
            if step := verdicts.apply(agent, verdict):
                heard.steps.append(step)
            heard.agents.add(agent.id)
        return heard

    def until_ready(self, agent: ManagedAgent) -> tuple[Step | None, float | None]:
        """The program was executed: is it ready, or has it had time enough?

        With when to ask again, in boot seconds, unless it is.
        """
        waiting, live, now = agent.unready, agent.live, boot_seconds()
        assert live is not None
        if not waiting:
            return verdicts.ready(agent), now
        for probe in waiting:
            if live.began + probe.start_timeout <= now:
                why = self._latest(agent, probe)
                if step := verdicts.never_ready(agent, probe, why):
                    return step, now
        ends = (live.began + probe.start_timeout for probe in waiting)
        return None, min((end for end in ends if end > now), default=None)

    def _latest(self, agent: ManagedAgent, probe: Probe) -> str:
        followed = self._followed.get(agent.id)
        watch = followed.watches.get(probe) if followed else None
        return watch.latest.detail if watch and watch.latest else ""

    # -- what is shown --

    def unsaved(self) -> list[tuple[int, list[dict[str, Any]]]]:
        """The probes of agents of which anything was heard since the last call."""
        ids, self._unsaved = self._unsaved, set()
        return [
            (agent_id, [_shape(watch) for watch in followed.watches.values()])
            for agent_id in sorted(ids)
            if (followed := self._followed.get(agent_id))
        ]


def _to_follow(agent: ManagedAgent) -> LiveRun | None:
    live = agent.live
    if live is None or not live.executed or live.stopping or live.ended:
        return None
    return live


def _shape(watch: Watch) -> dict[str, Any]:
    """One probe as programs read it."""
    return {
        "name": watch.probe.name,
        "type": watch.probe.type.value,
        "state": watch.tally.state.value,
        "since": utc(watch.since),
        "at": utc(watch.at),
        "detail": watch.latest.detail if watch.latest else "",
    }
