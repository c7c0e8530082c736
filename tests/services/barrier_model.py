"""Barriers once more, without a database: lists of who has come, in plain words."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

WAITING, TRIPPED, BROKEN, LATE = "waiting", "tripped", "broken", "timed_out"


@dataclass(slots=True)
class Round:
    """One generation. `deadline`: seconds of the clock; `over`: when, by the order of
    what has happened."""

    arrived: list[str] = field(default_factory=list)
    state: str = WAITING
    reason: str = ""
    deadline: float | None = None
    over: int = 0


@dataclass(slots=True)
class Barrier:
    """A meeting place. `members`: who meets, empty where only a number is known;
    `since`: from when on its generation is the current one."""

    parties: int
    members: tuple[str, ...]
    timeout: float | None
    breaks: bool
    generation: int = 1
    since: int = 0
    rounds: dict[int, Round] = field(default_factory=dict)

    @property
    def current(self) -> Round | None:
        return self.rounds.get(self.generation)

    def expects(self, one: Round, name: str) -> bool:
        return name in self.members and name not in one.arrived


@dataclass(slots=True)
class Party:
    """An agent. `began` and `ended`: its latest run, by the order of events."""

    there: bool = True
    began: int = 0
    ended: int = 0

    @property
    def lives(self) -> bool:
        return self.began > self.ended


@dataclass(slots=True)
class Meetings:
    """All barriers and who may come to them. `now`: seconds, `events`: how many there
    have been."""

    now: float
    events: int = 0
    barriers: dict[str, Barrier] = field(default_factory=dict)
    parties: dict[str, Party] = field(default_factory=dict)

    def copy(self) -> Meetings:
        return copy.deepcopy(self)

    def event(self) -> int:
        self.events += 1
        return self.events

    def starts(self, name: str) -> None:
        self.parties[name].began = self.event()

    def arrive(
        self, at: str, name: str, generation: int | None, *, person: bool
    ) -> str:
        """What is answered: a generation and its state, or why not."""
        barrier, party = self.barriers[at], self.parties[name]
        if not person and not party.lives:
            return "not expected"
        if barrier.members and name not in barrier.members:
            return "not expected"
        current = barrier.current
        if generation is not None:
            over = current is not None and current.state == TRIPPED
            if generation != barrier.generation + over:
                return self.standing(at, generation)
        if current is not None:
            self._end_if_late(current)
            if current.state == TRIPPED:
                barrier.generation += 1
                barrier.since = current.over
                current = None
        if current is None:
            current = self._opened(barrier, name, person=person)
        if current.state == WAITING and name not in current.arrived:
            current.arrived.append(name)
            if len(current.arrived) == barrier.parties:
                self._finish(current, TRIPPED, "all have arrived")
        return f"{barrier.generation} {current.state}"

    def standing(self, at: str, generation: int) -> str:
        barrier = self.barriers[at]
        found = barrier.rounds.get(generation)
        if found is not None:
            self._end_if_late(found)
            return f"{generation} {found.state}"
        if generation == barrier.generation:
            return f"{generation} {WAITING}"
        return "no such round"

    def _opened(self, barrier: Barrier, comes: str, *, person: bool) -> Round:
        one = barrier.rounds[barrier.generation] = Round()
        if barrier.timeout is not None:
            one.deadline = self.now + barrier.timeout
        others = [name for name in barrier.members if name != comes]
        gone = [name for name in others if not self.parties[name].there]
        since = max(self.parties[comes].began, barrier.since)
        dead = [
            name
            for name in others
            if not self.parties[name].lives and self.parties[name].ended > since
        ]
        if gone:
            self._finish(one, BROKEN, f"there is no agent {min(gone)} any more")
        elif barrier.breaks and not person and dead:
            self._finish(one, BROKEN, _died(min(dead)))
        return one

    def ends(self, name: str) -> None:
        """The run of this party is over, and everybody knows it."""
        self.parties[name].ended = self.event()
        for barrier in self.barriers.values():
            if barrier.breaks:
                self._lost(barrier, name, _died(name))

    def deleted(self, name: str) -> None:
        self.parties[name] = Party(there=False)
        for barrier in self.barriers.values():
            self._lost(barrier, name, f"{name} was deleted before it arrived")

    def _lost(self, barrier: Barrier, name: str, why: str) -> None:
        current = barrier.current
        if current is not None and barrier.expects(current, name):
            self._finish(current, BROKEN, why)

    def reset(self, at: str) -> None:
        barrier = self.barriers[at]
        if (current := barrier.current) is not None:
            self._end_if_late(current)
            self._finish(current, BROKEN, "reset by bob")
            barrier.generation += 1
            barrier.since = self.event()

    def end_late(self) -> None:
        for barrier in self.barriers.values():
            if barrier.current is not None:
                self._end_if_late(barrier.current)

    def _end_if_late(self, one: Round) -> None:
        if one.deadline is not None and one.deadline <= self.now:
            self._finish(one, LATE, "not all arrived in time")

    def _finish(self, one: Round, state: str, reason: str) -> None:
        if one.state == WAITING:
            one.state, one.reason, one.over = state, reason, self.event()


def _died(name: str) -> str:
    return f"{name} ended before it arrived: killed by SIGKILL"
