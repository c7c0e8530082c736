"""Who gets a lock and who waits for whom: all or none, first come first served.

Pure: claims enter as values, and what is to be granted comes out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from agents.policy.glob_index import GlobIndex
from agents.policy.globs import Glob


class Mode(StrEnum):
    """Many may read what nobody writes."""

    SHARED = "shared"
    EXCLUSIVE = "exclusive"


# Who waits, and for whose end: an agent's task, or the agent where it has none.
Unit = tuple[int, int | None]


@dataclass(frozen=True, slots=True)
class Claim:
    """All the patterns of one request. `id` rises: who asked first has the lower one.

    An agent's own claims never conflict. `held`: granted, else it waits.
    """

    id: int
    agent: int
    task: int | None
    mode: Mode
    globs: tuple[Glob, ...]
    held: bool

    @property
    def unit(self) -> Unit:
        """Who waits with it."""
        return self.agent, self.task


@dataclass(frozen=True, slots=True)
class Conflict:
    """A pattern that was asked for, and what of another claim it overlaps."""

    asked: Glob
    other: Glob
    claim: Claim


class Queue:
    """The claims on one workspace: what is held, then who waits, in their order.

    Who has nothing yet also waits behind those who came earlier and wait, so that
    nobody starves. Who has something waits only for what others have: nobody then waits
    for somebody who has nothing, and a circle of holders is all that could go wrong.
    It is looked for when somebody asks, and cannot come about later as long as each
    asks for one thing after another: who waits (`is_waiting`) may not ask for more.
    """

    def __init__(self, claims: Iterable[Claim]) -> None:
        ordered = sorted(claims, key=lambda one: (not one.held, one.id))
        self._index: Final[GlobIndex[tuple[Claim, Glob]]] = GlobIndex()
        self._holders: Final[set[Unit]] = set()
        # For whose locks a unit waits, by claims that are held.
        self._waits: Final[dict[Unit, dict[Unit, Conflict]]] = {}
        self._blocked: Final[dict[int, list[Conflict]]] = {}
        self._granted: Final[list[int]] = []
        for claim in ordered:
            self._add(claim)

    @property
    def granted(self) -> Sequence[int]:
        """The ids of claims that waited and need wait no longer, in their order."""
        return self._granted

    def conflicts(self, claim: Claim) -> list[Conflict]:
        """What stands in the way of a claim that comes last."""
        found = {}
        for glob in claim.globs:
            for other, theirs in self._index.overlapping(glob):
                if self._stands_in_the_way(other, claim):
                    found[glob, theirs, other.id] = Conflict(glob, theirs, other)
        order = found.values()
        return sorted(order, key=lambda one: (not one.claim.held, one.claim.id))

    def is_waiting(self, unit: Unit) -> bool:
        """Whether it has asked for something already, and waits for it."""
        return unit in self._waits

    def cycle(self, claim: Claim) -> list[Conflict]:
        """Who would wait for whom for ever if this claim waited; empty if nobody."""
        for conflict in self.conflicts(claim):
            if conflict.claim.held:
                way = self._way(conflict.claim.unit, claim.unit)
                if way is not None:
                    return [conflict, *way]
        return []

    def waits_for(self, claim: Claim) -> list[Conflict]:
        """What a claim that is in the queue waits for; empty for one that does not."""
        return self._blocked.get(claim.id, [])

    def _add(self, claim: Claim) -> None:
        if not claim.held:
            if blockers := self.conflicts(claim):
                self._wait(claim, blockers)
            else:
                self._granted.append(claim.id)
                claim = replace(claim, held=True)
        if claim.held:
            self._holders.add(claim.unit)
        for glob in claim.globs:
            self._index.add(glob, (claim, glob))

    def _wait(self, claim: Claim, blockers: list[Conflict]) -> None:
        self._blocked[claim.id] = blockers
        waits = self._waits.setdefault(claim.unit, {})
        for conflict in blockers:
            if conflict.claim.held:
                waits.setdefault(conflict.claim.unit, conflict)

    def _stands_in_the_way(self, other: Claim, claim: Claim) -> bool:
        if other.agent == claim.agent:
            return False
        if other.mode is Mode.SHARED and claim.mode is Mode.SHARED:
            return False
        return other.held or claim.unit not in self._holders

    def _way(self, start: Unit, goal: Unit) -> list[Conflict] | None:
        """Over whom the start waits for the goal; None if it does not."""
        if start == goal:
            return []
        came: dict[Unit, tuple[Unit, Conflict]] = {}
        units = [start]
        for unit in units:
            for following, conflict in self._waits.get(unit, {}).items():
                if following == start or following in came:
                    continue
                came[following] = (unit, conflict)
                if following == goal:
                    return _walked(came, start, goal)
                units.append(following)
        return None


def _walked(
    came: Mapping[Unit, tuple[Unit, Conflict]], start: Unit, goal: Unit
) -> list[Conflict]:
    way = []
    unit = goal
    while unit != start:
        unit, conflict = came[unit]
        way.append(conflict)
    return way[::-1]
