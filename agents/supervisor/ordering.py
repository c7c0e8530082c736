"""Starting after what an agent depends on, stopping before it.

Nothing is remembered that the rows do not say: a new supervisor holds whom the old
one held. What waits is looked at again whenever anything happened to any agent.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from django.utils import timezone

from agents.policy import dependencies, ordering
from agents.policy.dependencies import Condition
from agents.policy.ordering import WAITING, Other, Verdict
from agents.policy.states import Action, Desired, Outcome, Status
from agents.services.recording import Condition as Remark
from agents.services.recording import Settlement, Step
from agents.supervisor.life import change, quiet
from agents.supervisor.managed import ManagedAgent

# The type of the condition of one that runs without what it needs.
DEPENDENCY: Final = "dependency"


class Ordering:
    """Who waits for whom among one node's agents. Its use costs nothing where
    nobody depends on anybody. `look_again`: have the next turn read all news."""

    def __init__(
        self, agents: Mapping[int, ManagedAgent], look_again: Callable[[], None]
    ) -> None:
        self._agents, self._look_again = agents, look_again
        self._stale = True
        self._by_name: dict[str, ManagedAgent] = {}
        self._needed_by: dict[str, list[str]] = {}
        self._held: set[int] = set()
        # Which request of an agent would be refused if no news came.
        self._doubts: dict[int, int] = {}
        self._doubtful: set[int] = set()

    def forget(self) -> None:
        """Set-ups may have changed."""
        self._stale = True

    def hold_start(self, agent: ManagedAgent) -> list[Step] | None:
        """What to record while it may not start yet, or never; None: it may."""
        if not agent.setup.depends_on:
            return None
        self._refresh()
        decision = ordering.may_start(agent.setup.depends_on, self._find)
        doubt = self._doubts.pop(agent.id, None)
        if decision.verdict is Verdict.START:
            return None
        if decision.verdict is Verdict.REFUSE:
            if doubt == agent.wanted.generation:
                return [_refused(agent, decision.reason)]
            return self._doubt(agent)
        self._held.add(agent.id)
        if agent.seen.reason == decision.reason:
            return []
        return [replace(_without_process(agent, decision.reason), note=True)]

    def _doubt(self, agent: ManagedAgent) -> list[Step]:
        """Both may have been asked to start in one breath, and only this one's news
        have been read: nothing is refused before the news are read once more."""
        self._doubts[agent.id] = agent.wanted.generation
        self._doubtful.add(agent.id)
        self._look_again()
        return []

    def hold_stop(self, agent: ManagedAgent) -> list[Step] | None:
        """The same for a polite stop, while those end that need the agent."""
        self._refresh()
        if agent.name not in self._needed_by or agent.wanted.action is Action.KILL:
            return None
        if agent.wanted.desired is Desired.RUNNING:
            return None  # A restart, which nobody else has to follow.
        above = dependencies.reachable(self._needed_by, agent.name)
        enders = [
            one.name
            for name in above
            if (one := self._by_name.get(name)) is not None
            and one.live is not None
            and one.wanted.desired is Desired.STOPPED
        ]
        if not enders or agent.name in above:
            return None  # In a circle somebody has to be the first.
        self._held.add(agent.id)
        why = f"{agent.wanted.action} asked by {agent.wanted_by}"
        reason = f"{why}; {ordering.stop_waits_for(enders)}"
        if agent.seen.reason == reason:
            return []
        step = change(agent, agent.status, reason, WAITING)
        return [replace(step, note=True, actor=agent.wanted_by)]

    def lost(self, agent: ManagedAgent) -> list[Step]:
        """A condition comes or goes with what a running agent depends on."""
        if not agent.setup.depends_on:
            return []
        self._refresh()
        at_work = [
            other
            for one in agent.setup.depends_on
            if one.condition is not Condition.COMPLETED
            and (other := self._find(one.agent)) is not None
        ]
        reason = ordering.down_reason(at_work)
        before = agent.seen.conditions
        kept = tuple(one for one in before if one.type != DEPENDENCY)
        known = next((one.reason for one in before if one.type == DEPENDENCY), "")
        if reason == known:
            return []
        if reason:
            since = timezone.now().isoformat()
            kept = (*kept, Remark(DEPENDENCY, since, reason))
        return [quiet(agent, conditions=kept)]

    def touched_by(
        self, steps: Iterable[Step], heard_of: Collection[int] = ()
    ) -> set[int]:
        """Who has to be looked at because of what happened to others.

        `heard_of`: others whose health may have changed without a step.
        """
        touched, self._doubtful = self._doubtful, set()
        names = {step.agent_name for step in steps}
        if not (names or heard_of):
            return touched
        self._refresh()
        touched |= self._held
        self._held = set()
        if self._needed_by:
            touched |= {
                self._by_name[dependent].id
                for name in names
                for dependent in self._needed_by.get(name, ())
                if dependent in self._by_name
            }
        return touched

    def _refresh(self) -> None:
        if not self._stale:
            return
        self._stale = False
        needs = {
            agent.name: tuple(one.agent for one in agent.setup.depends_on)
            for agent in self._agents.values()
            if agent.setup.depends_on
        }
        self._needed_by = dependencies.turned(needs)
        self._by_name = {a.name: a for a in self._agents.values()} if needs else {}

    def _find(self, name: str) -> Other | None:
        agent = self._by_name.get(name)
        return None if agent is None else agent.as_other()


def _refused(agent: ManagedAgent, reason: str) -> Step:
    """What it needs cannot come by itself: the request fails, nothing starts later."""
    generation = agent.wanted.generation
    step = replace(_without_process(agent, reason, generation=generation), note=True)
    return replace(step, settled=Settlement(generation, Outcome.FAILED, reason))


def _without_process(agent: ManagedAgent, reason: str, **seen: Any) -> Step:
    """It stays as it ended; but what was to be started again is stopped."""
    status = agent.status if agent.status is Status.CRASHED else Status.STOPPED
    step = change(
        agent, status, reason, WAITING, pid=None, retry_at=None, retry=None, **seen
    )
    return replace(step, actor=agent.wanted_by)
