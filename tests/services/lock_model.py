"""Locks on files once more, as plain lists: slow, without a database, plainly right.

What a pattern means is written out here file by file, so that nothing of the product
decides what the product is held against.
"""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

FILES: Final = [
    "/".join(words)
    for depth in (1, 2, 3)
    for words in itertools.product("ab", repeat=depth)
]
_BY_REGEX: Final = {
    "a": "a(/.*)?",
    "b": "b(/.*)?",
    "a/a": "a/a(/.*)?",
    "a/b": "a/b(/.*)?",
    "a/*": "a/[^/]*",
    "*/b": "[^/]*/b",
    "*": "[^/]*",
    "**/a": "(.*/)?a",
    "**": ".*",
}
MEANS: Final = {
    pattern: frozenset(file for file in FILES if re.fullmatch(regex, file))
    for pattern, regex in _BY_REGEX.items()
}
# What a tool writes: each is a pattern as well, which means it and what is below.
WRITTEN: Final = ("a", "b", "a/a", "a/b")
# Seconds, as documented.
LEASE: Final = 60.0
PATIENCE: Final = 30.0
TAKEN_FOR_GONE: Final = 300.0

Unit = tuple[str, int | None]


@dataclass(slots=True, eq=False)
class Claim:
    """What one request asked for. `lease`: when it ends by itself; None for never.

    `fence`: None while it waits. `taken`: by a person, while its task still works.
    `id`: the same in every copy of the model.
    """

    space: str
    agent: str
    task: int | None
    shared: bool
    patterns: list[str]
    fence: int | None = None
    lease: float | None = None
    taken: bool = False
    id: int = field(default_factory=itertools.count().__next__)

    @property
    def held(self) -> bool:
        return self.fence is not None

    @property
    def unit(self) -> Unit:
        return self.agent, self.task

    @property
    def files(self) -> frozenset[str]:
        return frozenset().union(*(MEANS[one] for one in self.patterns))

    def excludes(self, other: Claim) -> bool:
        """Whether the two are never held at once."""
        return (
            self.space == other.space
            and self.agent != other.agent
            and not (self.shared and other.shared)
            and bool(self.files & other.files)
        )


@dataclass(slots=True)
class Task:
    """A piece of work for a native agent. `patterns`: what it declares."""

    agent: str
    patterns: list[str]
    state: str = "queued"
    cancelled: bool = False
    interrupted: bool = False


@dataclass(slots=True)
class Model:
    """What is held and waited for, in the order in which it was asked.

    `gone`: fences that are over. `lease`: of the run of the agent from outside.
    """

    native_space: str
    outsider: str
    now: float
    claims: list[Claim] = field(default_factory=list)
    tasks: dict[int, Task] = field(default_factory=dict)
    fences: dict[str, int] = field(default_factory=dict)
    gone: list[tuple[str, int]] = field(default_factory=list)
    lease: float | None = None

    def copy(self) -> Model:
        return copy.deepcopy(self)

    def find(self, claim: Claim) -> Claim | None:
        """As it is in this copy of the model; None if it is over."""
        return next((one for one in self.claims if one.id == claim.id), None)

    # Asking

    def in_the_way(self, claim: Claim) -> list[Claim]:
        """Who has what it wants, or was before it; who holds something already waits
        for nobody who only waits."""
        holds = any(
            one.held and one.unit == claim.unit and one.space == claim.space
            for one in self.claims
        )
        before = True
        found = []
        for other in self.claims:
            before = before and other is not claim
            first = other.held or (before and not holds)
            if other is not claim and first and other.excludes(claim):
                found.append(other)
        return found

    def ask(self, claim: Claim, *, wait: bool) -> str:
        """`held`, `waits`, or why there is no place in the queue."""
        self.end_leases()
        own = [one for one in self.claims if one.unit == claim.unit]
        if any(not one.held for one in own):
            return "waits already"
        if self.in_the_way(claim):
            if not wait:
                return "no"
            if any(one.space != claim.space for one in own):
                return "holds elsewhere"
            if self._would_stick(claim):
                return "for ever"
        self.claims.append(claim)
        self.settle()
        return "held" if claim.held else "waits"

    def _would_stick(self, claim: Claim) -> bool:
        """Whether everybody who can end ends, and somebody waits still."""
        later = self.copy()
        later.claims.append(copy.deepcopy(claim))
        later.settle()
        while later.claims:
            if not later.end(later.can_end):
                return True
        return False

    def can_end(self, claim: Claim) -> bool:
        """Whether who has it waits for nothing."""
        return all(one.held for one in self.claims if one.unit == claim.unit)

    def settle(self) -> None:
        """Grant what can be, first come first served."""
        for claim in self.claims:
            if not claim.held and not self.in_the_way(claim):
                self.fences[claim.space] = self.fences.get(claim.space, 0) + 1
                claim.fence = self.fences[claim.space]

    def end(self, which: Callable[[Claim], bool]) -> int:
        """These are over, and whoever waited for them has what it wanted; how many."""
        over = [one for one in self.claims if which(one)]
        self.gone += [(one.space, one.fence) for one in over if one.fence is not None]
        self.claims = [one for one in self.claims if one not in over]
        self.settle()
        return len(over)

    # Time

    def end_leases(self) -> None:
        self.end(lambda one: one.lease is not None and one.lease <= self.now)

    def outsider_is_gone(self) -> bool:
        """Whether nothing was heard of it for so long that its run is over."""
        silence = TAKEN_FOR_GONE - LEASE
        return self.lease is not None and self.now >= self.lease + silence

    def heard(self) -> None:
        """The agent from outside gives a heartbeat."""
        self.lease = self.now + LEASE
        self.end(
            lambda one: (
                one.agent == self.outsider
                and one.held
                and one.lease is not None
                and one.lease <= self.now
            )
        )
        for one in self.claims:
            if one.agent == self.outsider and one.held:
                one.lease = self.lease

    def confirm(self, claim: Claim) -> None:
        """Somebody has heard that it is granted."""
        outside = claim.agent == self.outsider
        claim.lease = self.now + LEASE if outside else None

    # Runs and tasks

    def run_ends(self, agent: str) -> None:
        self.end(lambda one: one.agent == agent)
        if agent == self.outsider:
            self.lease = None

    def requeue(self, agents: Iterable[str]) -> None:
        """The tasks of runs that are over wait for the next run."""
        names = set(agents)
        for number, task in list(self.tasks.items()):
            if task.agent not in names:
                continue
            if task.state == "waiting_for_lock":
                task.state = "queued"
            elif task.state == "running":
                self.put_back(number)

    def put_back(self, number: int) -> None:
        task = self.tasks[number]
        if task.cancelled or task.interrupted:
            del self.tasks[number]
        else:
            task.state = "queued"
        self.end_of_task(number)

    def finish(self, number: int) -> None:
        del self.tasks[number]
        self.end_of_task(number)

    def end_of_task(self, number: int) -> None:
        self.end(lambda one: one.task == number)

    def turn(self, agent: str, at_most: int) -> list[int]:
        """The agent looks at its tasks; which of them begin."""
        own = [n for n, one in self.tasks.items() if one.agent == agent]
        waiting = [n for n in own if self.tasks[n].state == "waiting_for_lock"]
        granted = [n for n in waiting if any(one.held for one in self.of_task(n))]
        begun: list[int] = []
        unbegun = [n for n in own if self.tasks[n].state != "running"]
        for number in sorted(unbegun, key=lambda n: (n not in granted, n)):
            if len(begun) < at_most and self._begins(number, granted):
                begun.append(number)
                self.tasks[number].state = "running"
        for number in granted:
            if number not in begun:
                self.tasks[number].state = "queued"
                self.end_of_task(number)
        return begun

    def _begins(self, number: int, granted: list[int]) -> bool:
        task = self.tasks[number]
        if not task.patterns or number in granted:
            return True
        if self.of_task(number):
            return False
        patterns = sorted(set(task.patterns))
        asked = Claim(self.native_space, task.agent, number, False, patterns)
        if self.ask(asked, wait=True) == "held":
            return True
        task.state = "waiting_for_lock"
        return False

    def touch(self, number: int, file: str) -> str:
        """A tool of the task is about to write: `may`, `waits`, `lost`, or why not."""
        own = self.of_task(number)
        for one in own:
            if one.held and file in one.files:
                return "lost" if one.taken else "may"
        if any(not one.held for one in own):
            return "waits"
        asked = Claim(
            self.native_space, self.tasks[number].agent, number, False, [file]
        )
        told = self.ask(asked, wait=True)
        return "may" if told == "held" else told

    def of_task(self, number: int) -> list[Claim]:
        return [one for one in self.claims if one.task == number]
