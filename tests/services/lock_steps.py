"""What calls, people and tasks do to locks, beside the model."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from agents.models import LockClaim
from agents.models import Task as TaskRow
from agents.policy.lock_queue import Mode
from agents.policy.tasks import TaskState
from agents.services import lock_calls, lock_taking, tasks, tool_locks, work
from agents.services.lifecycle import Asker
from agents.services.lock_calls import Asking, LockWait, Place
from agents.services.lock_taking import AtWork, Person
from agents.services.locks import (
    CannotWait,
    HoldsElsewhere,
    NotHeld,
    WaitsAlready,
    WouldWaitForever,
)
from agents.services.tool_locks import Lost
from agents.services.work import Claimed
from tests.harness.engine import BOB, asked
from tests.services.lock_machine import (
    ALL,
    NATIVE,
    OUTSIDER,
    PROGRAMS,
    SPACES,
    Hub,
    deaths,
    index,
    often,
)
from tests.services.lock_model import LEASE, MEANS, PATIENCE, WRITTEN, Claim, Task

SLOTS: Final = 2
MOST_TASKS: Final = 5
# Narrow ones mostly: who waits for each other has to hold something first.
patterns = st.sampled_from([*WRITTEN, *WRITTEN, *sorted(MEANS)])
paths = st.lists(patterns, min_size=1, max_size=2, unique=True)
CALL: Final[dict[str, Any]] = {
    # Mostly the same few meet in the same place.
    "name": st.sampled_from([*PROGRAMS, *PROGRAMS, *ALL]),
    "space": st.sampled_from([*[SPACES[0]] * 5, SPACES[1]]),
    "patterns": paths,
    "shared": st.sampled_from([False, False, False, True]),
    "wait": st.sampled_from([*[True] * 5, False]),
    "death": deaths,
}
ASK: Final[dict[str, Any]] = {
    "name": st.sampled_from(NATIVE),
    "patterns": st.one_of(paths, paths, st.just([])),
    "death": deaths,
}
LOOK: Final[dict[str, Any]] = {"name": st.sampled_from(NATIVE), "death": deaths}
WRITE: Final[dict[str, Any]] = {
    "which": index,
    "file": st.sampled_from(WRITTEN),
    "death": deaths,
}
# How asking is refused, in the model's words.
REFUSALS: Final = {
    WaitsAlready: "waits already",
    WouldWaitForever: "for ever",
    HoldsElsewhere: "holds elsewhere",
    Lost: "lost",
}


def said_of(act: Callable[[], Any], got: list[Any]) -> str:
    """What asking came to, in the model's words."""
    try:
        act()
    except (CannotWait, Lost) as error:
        return REFUSALS[type(error)]
    (one,) = got
    if isinstance(one, str):
        return "waits" if one else "may"
    if one.claim is None:
        return "no"
    return "held" if one.held else "waits"


class Calls(Hub):
    """Programs that ask by a call, and people who take away."""

    def __init__(self) -> None:
        super().__init__()
        self.keys = itertools.count()

    # Three rules for what has to be three times as likely.

    @rule(**CALL)
    def call(self, **given: Any) -> None:
        self.asks(**given)

    @rule(**CALL)
    def another_call(self, **given: Any) -> None:
        self.asks(**given)

    @rule(**CALL)
    def a_third_call(self, **given: Any) -> None:
        self.asks(**given)

    def asks(
        self,
        name: str,
        space: str,
        patterns: list[str],
        shared: bool,
        wait: bool,
        death: int | None,
    ) -> None:
        if not self.live(name):
            return
        asking = Asking(
            workspace=self.space[space],
            paths=patterns,
            mode=Mode.SHARED if shared else Mode.EXCLUSIVE,
            agent=self.agents[name],
            asked_by="bob",
            via="api",
            key=f"call {next(self.keys)}",
        )
        claim = Claim(space, name, None, shared, sorted(patterns))
        got: list[Place] = []

        def act() -> str:
            return said_of(lambda: got.append(lock_calls.ask(asking, wait=wait)), got)

        def expected() -> str:
            before = self.model.copy()
            told = self.model.ask(claim, wait=wait)
            if told == "held":
                claim.lease = None
                if name == OUTSIDER:
                    claim.lease = self.now + LEASE
            elif told == "waits":
                claim.lease = self.now + PATIENCE
            elif told != "no":
                # All that the refused call did is undone with it.
                self.model = before
            return told

        if self.step("call", act, expected, death) == "waits":
            self.waits.append((claim, LockWait(got[0]), asking))

    @precondition(lambda self: self.waits)
    @rule(which=index)
    def a_call_looks(self, which: int) -> None:
        claim, wait, _ = self.waits[which % len(self.waits)]
        self.happened["look"] += 1
        self.look(claim, wait)

    @precondition(lambda self: self.waits)
    @rule(which=index)
    def the_same_call_comes_again(self, which: int) -> None:
        asked, old, asking = self.waits[which % len(self.waits)]
        claim = self.model.find(asked)
        if claim is None or not self.live(claim.agent):
            return
        self.happened["again"] += 1
        place = lock_calls.ask(asking, wait=True)
        assert place.held == claim.held
        old.look()
        assert "sent again" in old.why
        self.waits = [one for one in self.waits if one[1] is not old]
        # Who has gone leaves without the one that has come.
        lock_calls.leave(old.place)
        if place.held:
            self.model.confirm(claim)
        else:
            self.waits.append((claim, LockWait(place), asking))

    @precondition(lambda self: self.waits)
    @rule(which=index, in_time=st.booleans(), death=deaths)
    def a_call_goes(self, which: int, in_time: bool, death: int | None) -> None:
        """Its connection is gone, or its time is up."""
        claim, wait, _ = self.waits.pop(which % len(self.waits))

        def act() -> None:
            if in_time:
                lock_calls.leave(wait.place)
            else:
                wait.give_up("after 5 s")

        def expected() -> None:
            found = self.model.find(claim)
            if found is not None and found.held and not in_time:
                self.model.confirm(found)
            else:
                self.model.end(lambda one: one.id == claim.id)

        found = self.model.find(claim)
        granted = found is not None and found.held and not in_time
        # Whether a grant was heard of is not seen in the locks.
        self.step("hang up", act, expected, None if granted else death)

    @precondition(lambda self: self.of_calls())
    @rule(which=index, death=deaths)
    def release(self, which: int, death: int | None) -> None:
        """One pattern of those that a call was granted."""
        own = self.of_calls()
        claim, row = own[which % len(own)]
        left = list(row.locks.filter(released_at=None).order_by("pk"))
        lock = left[which % len(left)]

        def act() -> None:
            lock_calls.release(lock.pk)

        def expected() -> None:
            claim.patterns.remove(lock.pattern)
            if not claim.patterns:
                claim.patterns = [lock.pattern]
                self.model.end(lambda one: one is claim)
            else:
                self.model.settle()

        self.step("release", act, expected, death)

    def of_calls(self) -> list[tuple[Claim, LockClaim]]:
        """What calls hold that have been answered."""
        asked = {claim.id for claim, _, _ in self.waits}
        return [
            (claim, row)
            for claim, row in self.rows()
            if claim.held and claim.task is None and claim.id not in asked
        ]

    @precondition(lambda self: self.model.claims)
    @rule(which=index, steal=st.booleans(), death=deaths)
    def taken_away(self, which: int, steal: bool, death: int | None) -> None:
        claim, row = self.rows()[which % len(self.model.claims)]
        lock = row.locks.filter(released_at=None).first()
        assert lock is not None
        task = self.model.tasks.get(claim.task or 0)
        works = task is not None and task.state == "running"
        person = Person(Asker("bob", "api", "I need it"), self.bob.pk, "the API")

        def act() -> str:
            try:
                (lock_taking.steal if steal else lock_taking.release)(lock.pk, person)
            except (AtWork, NotHeld) as error:
                return type(error).__name__
            return "done"

        def expected() -> str:
            if steal and not claim.held:
                return "NotHeld"
            if not steal and claim.task is not None and (works or not claim.held):
                return "AtWork"
            if steal and works and task is not None:
                claim.taken = task.interrupted = True
            else:
                self.model.end(lambda one: one is claim)
            return "done"

        self.step("steal" if steal else "release by hand", act, expected, death)


class Tasks(Calls):
    """Native agents, whose tasks declare paths and whose tools touch files."""

    @rule(**ASK)
    def ask_for_work(self, **given: Any) -> None:
        self.asks_for_work(**given)

    @rule(**ASK)
    def ask_for_more(self, **given: Any) -> None:
        self.asks_for_work(**given)

    def asks_for_work(self, name: str, patterns: list[str], death: int | None) -> None:
        """A task; it is written down or it is not."""
        own = [one for one in self.model.tasks.values() if one.agent == name]
        if len(own) == MOST_TASKS:
            return
        last = max(
            TaskRow.objects.order_by("-pk").values_list("pk", flat=True)[:1], default=0
        )
        got: list[int] = []

        def act() -> None:
            got.append(asked(self.agents[name], paths=sorted(patterns)).pk)

        def expected() -> None:
            rows = TaskRow.objects.filter(pk__gt=last).values_list("pk", flat=True)
            number = got[0] if got else max(rows, default=last + 1)
            self.model.tasks[number] = Task(name, sorted(patterns))

        self.step("ask", act, expected, death)

    @rule(**LOOK)
    def look_for_work(self, **given: Any) -> None:
        self.turn(**given)

    @rule(**LOOK)
    def look_again(self, **given: Any) -> None:
        self.turn(**given)

    def turn(self, name: str, death: int | None) -> None:
        if not self.live(name):
            return
        states = [one for one in self.model.tasks.values() if one.agent == name]
        free = SLOTS - sum(one.state == "running" for one in states)
        run, got = self.runs[name], list[Claimed]()

        def act() -> list[int]:
            space = self.space[SPACES[0]]
            got.extend(work.claim(self.agents[name].pk, run.pk, free, space))
            return [one.id for one in got]

        self.step("turn", act, lambda: self.model.turn(name, free), death)
        if death is None:
            self.works |= {one.id: one for one in got}

    @precondition(lambda self: self.works)
    @rule(**WRITE)
    def write(self, **given: Any) -> None:
        self.writes(**given)

    @precondition(lambda self: self.works)
    @rule(**WRITE)
    def write_more(self, **given: Any) -> None:
        self.writes(**given)

    @precondition(lambda self: self.works)
    @rule(**WRITE)
    def write_again(self, **given: Any) -> None:
        self.writes(**given)

    def writes(self, which: int, file: str, death: int | None) -> None:
        task = self.works[sorted(self.works)[which % len(self.works)]]
        place = Path(self.space[SPACES[0]])
        got: list[str] = []

        def act() -> str:
            def permit() -> None:
                got.append(tool_locks.permit(task, place, file))

            return said_of(permit, got)

        def expected() -> str:
            before = self.model.copy()
            told = self.model.touch(task.id, file)
            if told not in ("may", "waits"):
                self.model = before
            return told

        self.step("write", act, expected, death)

    @precondition(lambda self: self.works)
    @rule(which=index, back=st.booleans(), death=often)
    def a_task_ends(self, which: int, back: bool, death: int | None) -> None:
        number = sorted(self.works)[which % len(self.works)]
        task = self.works.pop(number)

        def act() -> None:
            if back:
                assert work.put_back(task, "the run ends")
            else:
                assert work.end(task, TaskState.SUCCEEDED, "done")

        def expected() -> None:
            if back:
                self.model.put_back(number)
            else:
                self.model.finish(number)

        self.step("put back" if back else "task ends", act, expected, death)

    @precondition(lambda self: self.model.tasks)
    @rule(which=index, seldom=st.integers(0, 3), death=deaths)
    def cancel(self, which: int, seldom: int, death: int | None) -> None:
        if seldom != 1:
            return
        number = sorted(self.model.tasks)[which % len(self.model.tasks)]

        def cancel() -> None:
            tasks.cancel(number, BOB)

        def expected() -> None:
            if self.model.tasks[number].state == "running":
                self.model.tasks[number].cancelled = True
            else:
                self.model.finish(number)

        # Whether a running one was told to end is not seen in its locks.
        if self.model.tasks[number].state == "running":
            death = None
        self.step("cancel", cancel, expected, death)
