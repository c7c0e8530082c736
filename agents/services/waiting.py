"""Whether what was asked has come to be, judged from rows alone.

Enters: what `lifecycle.ask` answered. Every look is one query for all agents that
are not judged yet, and none at all while nothing has been committed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import F

from agents.models import Agent, Request
from agents.models.choices import Outcome
from agents.policy.states import Action, Desired, Status
from agents.services import changes
from agents.services.lifecycle import Asked

EVERY: Final = 0.05

_COLUMNS: Final = (
    "pk",
    "outcome",
    "detail",
    "generation",
    "agent__generation",
    "agent__status",
    "agent__status_reason",
)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one wish. `status`: the agent's, None without an agent."""

    name: str
    ok: bool
    status: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class _Seen:
    """One request and its agent, as one query saw them."""

    outcome: str
    detail: str
    own: int
    latest: int | None
    status: str | None
    why: str | None

    @property
    def is_latest(self) -> bool:
        return self.own == self.latest


class Wait:
    """Follows one action's requests, each until its agent is judged."""

    def __init__(self, action: Action, asked: Sequence[Asked]) -> None:
        self.action = action
        self.total = len(asked)
        self._names = {one.agent_id: one.name for one in asked}
        # The request that counts for each agent: its own, or one that took its place.
        self._open = {one.request_id: one.agent_id for one in asked}
        self._results: dict[int, Result] = {}

    @property
    def done(self) -> bool:
        """Every agent has been judged."""
        return not self._open

    @property
    def results(self) -> list[Result]:
        """The verdicts so far, in the order of asking."""
        return [self._results[key] for key in self._names if key in self._results]

    def look(self) -> None:
        """Judge what can be judged now."""
        superseded = []
        for request_id, seen in self._rows().items():
            if seen.outcome == Outcome.SUPERSEDED and seen.status is not None:
                superseded.append(request_id)
            elif verdict := _judge(self.action, seen):
                self._settle(request_id, seen, *verdict)
        if superseded:
            self._follow(superseded)

    def give_up(self, why: str) -> None:
        """Look once more; what is left has failed: still what it is, and why."""
        self.look()
        rows = self._rows()
        for request_id, seen in rows.items():
            self._settle(request_id, seen, False, _still(seen, why))

    def _rows(self) -> dict[int, _Seen]:
        rows = Request.objects.filter(pk__in=list(self._open)).values_list(*_COLUMNS)
        return {row[0]: _Seen(*row[1:]) for row in rows}

    def _settle(self, request_id: int, seen: _Seen, ok: bool, detail: str) -> None:
        agent_id = self._open.pop(request_id)
        self._results[agent_id] = Result(self._names[agent_id], ok, seen.status, detail)

    def _follow(self, superseded: Sequence[int]) -> None:
        """Go on with the wish that took the place of ours, if it is the same."""
        of_agent = {self._open[pk]: pk for pk in superseded}
        latest = Request.objects.filter(
            agent_id__in=of_agent, generation=F("agent__generation")
        ).select_related("agent")
        for later in latest:
            assert isinstance(later.agent, Agent)
            mine = of_agent[later.agent.pk]
            if _serves(self.action, Action(later.action)):
                self._open[later.pk] = self._open.pop(mine)
            else:
                result = Result(
                    later.agent_name,
                    False,
                    later.agent.status,
                    f"superseded by {later.actor}'s {later.action}",
                )
                self._results[self._open.pop(mine)] = result


def watch(
    wait: Wait, timeout: float, on_look: Callable[[Wait], None] | None = None
) -> bool:
    """Look until all is judged or the time is over; whether all is judged."""
    deadline = time.monotonic() + timeout
    glance = changes.Glance()
    while True:
        if glance.anything_new():
            wait.look()
            if on_look is not None:
                on_look(wait)
        if wait.done:
            return True
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(EVERY, left))


def counts(results: Iterable[Result]) -> Mapping[str, int]:
    """How many ended in which status."""
    found: dict[str, int] = {}
    for result in results:
        key = result.status or "unknown name"
        found[key] = found.get(key, 0) + 1
    return found


def _serves(wish: Action, later: Action) -> bool:
    """Whether the later wish, fulfilled, fulfils the earlier one too."""
    if wish is Action.RESTART:
        return later is Action.RESTART  # A start leaves what runs as it is.
    return wish.desired is later.desired


def _judge(action: Action, seen: _Seen) -> tuple[bool, str] | None:
    """Ok and a detail, or None while it cannot be said yet."""
    if seen.status is None:
        return False, "the agent was deleted"
    if seen.outcome == Outcome.OPEN:
        return None
    if seen.outcome == Outcome.FAILED:
        return False, seen.detail or seen.why or ""
    # Whatever a later request made of it, this one was fulfilled.
    if action.desired is Desired.STOPPED or not seen.is_latest:
        return True, seen.detail or seen.why or ""
    if seen.status == Status.CRASHED:
        return False, seen.why or seen.detail
    # It ran and fell at once: say how it is now, not how it was for a moment.
    if seen.status in (Status.RUNNING, Status.STOPPED):
        return True, seen.why or seen.detail
    return None


def _still(seen: _Seen, why: str) -> str:
    return f"still {seen.status} {why}" + (f": {seen.why}" if seen.why else "")
