"""A hub, its agents and their locks as a state machine: how a step is taken and judged.

What may enter: what happens to the hub and to its agents, beside the model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest
from django.contrib.auth.models import User
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from agents.models import Agent, FileLock, LockClaim, Run
from agents.models import Task as TaskRow
from agents.policy.states import Status
from agents.services import lock_calls, locks, registry, work
from agents.services.lock_calls import Asking, LockWait
from agents.services.locks import NotHeld
from agents.services.work import Claimed
from tests.harness.engine import thinker
from tests.harness.killed import Killed, dies_at, emptied
from tests.harness.outside import registered
from tests.harness.recorded import end_of, run_of
from tests.services.lock_model import LEASE, PATIENCE, Claim, Model

# Native agents live in the hub, programs beside it, and one is elsewhere.
NATIVE: Final = ("web", "api")
PROGRAMS: Final = ("cli", "db")
OUTSIDER: Final = "far"
ALL: Final = (*NATIVE, *PROGRAMS, OUTSIDER)
SPACES: Final = ("one", "two")

index = st.integers(0, 1000)
# At which statement of a step the hub is killed; mostly it lives.
STATEMENTS: Final = (1, 2, 3, 4, 6, 9, 13, 18, 25, 40)
deaths = st.sampled_from([*[None] * 300, *STATEMENTS])
# For what comes about seldom, and loses nothing by it that would go on.
often = st.sampled_from([*[None] * 10, *STATEMENTS])


class Hub(RuleBasedStateMachine):
    """The services that the doors and the engine call, beside the model.

    `now`: what the boot clock says. `happened`: how often what was done.
    """

    folder: ClassVar[Path]
    bob: ClassVar[User]
    now: ClassVar[float] = 1000.0
    steps: ClassVar[int] = 0
    happened: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        emptied()
        self.space = {name: str(self.folder / name) for name in SPACES}
        self.model = Model(SPACES[0], OUTSIDER, self.now)
        self.agents = {
            name: thinker(name, workspace=self.space[SPACES[0]]) for name in NATIVE
        } | {name: Agent.objects.create(name=name, command=["x"]) for name in PROGRAMS}
        # Live runs; and those of them whose process is gone, which nobody has recorded.
        self.runs: dict[str, Run] = {}
        self.dead: set[str] = set()
        # Calls that wait, and tasks that an engine works on; both die with the hub.
        self.waits: list[tuple[Claim, LockWait, Asking]] = []
        self.works: dict[int, Claimed] = {}
        for name in ALL:
            self.begin(name)

    # How a step is taken

    def step(
        self,
        what: str,
        act: Callable[[], Any],
        expected: Callable[[], Any],
        death: int | None = None,
    ) -> Any:
        """Act, and expect the same of the model; or die while acting, and find all of
        it done or nothing. What the act came to, or None."""
        self.happened[what] += 1
        before = self.model.copy()
        if death is None:
            told = act()
            wanted = expected()
            assert told == wanted, f"{what}: {told}, and the model says {wanted}"
            if isinstance(told, str):
                self.happened[f"{what}: {told}"] += 1
            return told
        with pytest.raises(Killed):
            dies_at(death, act)
        seen = self.seen()
        expected()
        if self.said(self.model) != seen:
            assert self.said(before) == seen, f"{what} was half done"
            self.model = before
        self.happened["killed in the middle"] += 1
        self.restart(set())
        return None

    def restart(self, also_dead: set[str]) -> None:
        """The hub is back: what lived in it has ended, what lived beside it has not,
        unless it died meanwhile."""
        self.waits, self.works = [], {}
        self.dead |= {*NATIVE, *also_dead} & self.runs.keys()
        for name in sorted(self.dead):
            run = self.runs.pop(name)
            if Run.objects.get(pk=run.pk).ended_at is None:
                end_of(run, Status.CRASHED, 137, "killed by SIGKILL")
            self.model.run_ends(name)
        work.requeue_ended()
        self.model.requeue(self.dead)
        self.dead = set()
        self.look_at_the_time()
        for name in NATIVE:
            self.begin(name)

    def look_at_the_time(self) -> None:
        registry.mark_silent()
        if self.model.outsider_is_gone():
            self.model.run_ends(OUTSIDER)
            self.runs.pop(OUTSIDER, None)
        locks.end_leases()
        self.model.end_leases()

    def seen(self) -> Any:
        """What the database says, without the ids."""
        claims = LockClaim.objects.exclude(state="ended").select_related("space")
        patterns: dict[int, list[str]] = {}
        for claim_id, pattern in FileLock.objects.filter(
            released_at=None, claim__ended_at=None
        ).values_list("claim", "pattern"):
            patterns.setdefault(claim_id, []).append(pattern)
        names = {path: name for name, path in self.space.items()}
        return (
            [
                (
                    names[one.space.path],
                    one.agent_name,
                    one.task_id,
                    one.mode == "shared",
                    sorted(patterns.get(one.pk, [])),
                    one.fence,
                    bool(one.taken_by),
                )
                for one in claims.order_by("pk")
            ],
            dict(
                TaskRow.objects.filter(ended_at=None)
                .order_by("pk")
                .values_list("pk", "state")
            ),
        )

    def said(self, model: Model) -> Any:
        """The same of a model."""
        return (
            [
                (
                    one.space,
                    one.agent,
                    one.task,
                    one.shared,
                    sorted(one.patterns),
                    one.fence,
                    one.taken,
                )
                for one in model.claims
            ],
            {number: task.state for number, task in model.tasks.items()},
        )

    def rows(self) -> list[tuple[Claim, LockClaim]]:
        """The open claims of the model beside their rows."""
        found = LockClaim.objects.exclude(state="ended").order_by("pk")
        return list(zip(self.model.claims, found, strict=True))

    def look(self, claim: Claim, wait: LockWait, *, keeps: bool = False) -> None:
        """A call that waits looks how it is."""
        wait.look()
        found = self.model.find(claim)
        assert wait.held == (found is not None and found.held), wait.why
        assert bool(wait.why) == (found is None)
        if wait.done:
            self.waits = [one for one in self.waits if one[1] is not wait]
        if found is not None and found.held:
            self.model.confirm(found)
        elif found is not None and keeps:
            found.lease = self.now + PATIENCE

    # What happens to agents

    def begin(self, name: str) -> None:
        """Its run begins, unless one is there that nobody knows to be over."""
        if name in self.runs:
            return
        if name == OUTSIDER:
            one = registered(OUTSIDER, self.bob)
            self.agents[OUTSIDER], self.runs[OUTSIDER] = one.agent, one.run
            self.model.lease = self.now + LEASE
        else:
            self.runs[name] = run_of(Agent.objects.get(name=name))

    def live(self, name: str) -> bool:
        return name in self.runs and name not in self.dead

    @precondition(lambda self: self.dead)
    @rule(death=deaths)
    def a_death_is_recorded(self, death: int | None) -> None:
        """And what the dead had is free, in the same act."""
        name = min(self.dead)
        run = self.runs[name]

        def act() -> None:
            end_of(run, Status.CRASHED, 137, "killed by SIGKILL")

        def expected() -> None:
            self.model.run_ends(name)

        self.step("end", act, expected, death)
        if name in self.runs and Run.objects.get(pk=run.pk).ended_at is not None:
            self.dead.discard(name)
            del self.runs[name]

    @rule(
        what=st.sampled_from(["start", "death", "heartbeat", "time", "away", "fence"]),
        seconds=st.integers(1, 25),
        away=st.sampled_from([1, 31, 61, 400]),
        which=index,
    )
    def something_else(self, what: str, seconds: int, away: int, which: int) -> None:
        """What needs no more to be drawn: together they are as likely as one call."""
        self.happened[what] += 1
        program = PROGRAMS[which % len(PROGRAMS)]
        if what == "start":
            for name in ALL:
                self.begin(name)
        elif what == "death":
            # Nobody has seen it yet.
            self.dead |= {program} & self.runs.keys()
        elif what == "heartbeat":
            self.heartbeat()
        elif what == "time":
            self.time_passes(seconds)
        elif what == "away" and which % 4 == 0:
            self.pass_time(away)
            self.restart({program} if which % 8 == 0 else set())
        elif what == "fence":
            self.somebody_comes_with_an_old_fence(which)

    def heartbeat(self) -> None:
        if OUTSIDER in self.runs:
            run, agent = self.runs[OUTSIDER], self.agents[OUTSIDER]
            assert registry.heard(agent.pk, run.pk, silent=True, holds=True)
            self.model.heard()

    def time_passes(self, seconds: int) -> None:
        """Calls that wait keep their places meanwhile, and the hub looks at the time
        or has not come to it yet."""
        for claim, wait, _ in list(self.waits):
            wait._kept = float("-inf")
            self.look(claim, wait, keeps=True)
        self.pass_time(seconds)
        if seconds % 2:
            self.look_at_the_time()

    def pass_time(self, seconds: int) -> None:
        Hub.now += seconds
        self.model.now = self.now

    def somebody_comes_with_an_old_fence(self, which: int) -> None:
        if not self.model.gone:
            return
        space, fence = self.model.gone[which % len(self.model.gone)]
        with pytest.raises(NotHeld):
            locks.check(fence, self.space[space])
        rows = FileLock.objects.filter(claim__space__path=self.space[space])
        lock = rows.filter(claim__fence=fence).first()
        assert lock is not None
        with pytest.raises(NotHeld):
            lock_calls.renew(lock.pk)
        with pytest.raises(NotHeld):
            locks.renew(lock.claim_id)
