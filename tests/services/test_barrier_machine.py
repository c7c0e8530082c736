"""Whatever happens in whatever order: barriers are as a plain model has them.

Hypothesis makes up parties that arrive, die, are deleted and start again, people who
reset, time that passes, and a hub that dies in the middle of any of it. After each step
the database has to say what the model says, and who waits has to be told.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar, Final

import pytest
from django.db.models import F
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from agents.models import Agent, Round, Run
from agents.models import Barrier as BarrierRow
from agents.policy import clock
from agents.policy.states import Status
from agents.services import barrier_ends, barrier_waits, barriers, setups
from agents.services.barriers import NotExpected, StillMet
from tests.harness.killed import Killed, dies_at, emptied
from tests.harness.recorded import end_of, run_of
from tests.services.barrier_model import WAITING, Barrier, Meetings, Party

NAMES: Final = ("web", "api", "db")
# What meets where: parties or names, timeout in seconds, and what a death means.
PLACES: Final[dict[str, tuple[int | tuple[str, ...], float | None, str]]] = {
    "three": (("api", "db", "web"), None, "break"),
    "two": (("api", "web"), 30.0, "break"),
    "patient": (("api", "web"), None, "wait"),
    "any": (2, 45.0, "break"),
}
names = st.sampled_from(NAMES)
places = st.sampled_from([*sorted(PLACES), "three", "two"])
# At which statement of a step the hub is killed; mostly it lives.
deaths = st.sampled_from([*[None] * 200, 1, 2, 3, 4, 6, 9, 13, 18, 25, 40])
ARRIVAL: Final[dict[str, Any]] = {
    "name": names,
    "at": places,
    # Seen from the current generation; None where none is named.
    "generation": st.sampled_from([None, None, None, -1, 0, 1, 2]),
    "person": st.sampled_from([False, False, False, True]),
    # One whose run is over begins another to arrive, or comes late.
    "starts": st.sampled_from([True, False]),
    "death": deaths,
}


class Parties(RuleBasedStateMachine):
    """The services that the doors and the supervisor call, beside the model.

    `now`: what the boot clock says. `happened`: how often what was done.
    """

    now: ClassVar[float] = 1000.0
    steps: ClassVar[int] = 0
    happened: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        emptied()
        self.model = Meetings(self.now)
        self.runs: dict[str, Run] = {}
        # Processes that are gone, which nobody has recorded.
        self.dead: set[str] = set()
        # Whose calls wait for the end of which round; what has ended stays so.
        self.waits: set[tuple[str, int]] = set()
        self.ends: dict[int, tuple[str, str, Any]] = {}
        for name in NAMES:
            self.model.parties[name] = Party()
            Agent.objects.create(name=name, command=["x"])
            self.begin(name)
        for place in PLACES:
            self.make(place)

    def make(self, place: str) -> None:
        parties, timeout, on_failure = PLACES[place]
        barriers.make(place, parties, by="bob", timeout=timeout, on_failure=on_failure)
        members = () if isinstance(parties, int) else parties
        count = parties if isinstance(parties, int) else len(parties)
        since = self.model.event()
        self.model.barriers[place] = Barrier(
            count, members, timeout, on_failure == "break", since=since
        )

    def begin(self, name: str) -> None:
        if name not in self.runs and self.model.parties[name].there:
            agent = Agent.objects.get(name=name)
            self.runs[name] = run_of(agent, began=timezone.now())
            self.model.starts(name)

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
        if death is None:
            told, wanted = act(), expected()
            assert told == wanted, f"{what}: {told}, and the model says {wanted}"
            return told
        self.happened["killed in the middle"] += 1
        before = self.model.copy()
        with pytest.raises(Killed):
            dies_at(death, act)
        expected()
        if self.seen() != self.said(self.model):
            assert self.seen() == self.said(before), f"{what} was half done"
            self.model = before
        self.restart()
        return None

    def restart(self) -> None:
        """The hub is back; whoever waited asks again, of which this knows nothing."""
        self.waits = set()
        for name in sorted(self.dead):
            self.recorded(name)
        self.look_at_the_time()

    def recorded(self, name: str) -> None:
        """The end of a run, unless that was done before the hub was killed."""
        run = self.runs.pop(name)
        self.dead.discard(name)
        if Run.objects.get(pk=run.pk).ended_at is None:
            end_of(run, Status.CRASHED, 137, "killed by SIGKILL")
            self.model.ends(name)

    def look_at_the_time(self) -> None:
        barrier_ends.end_late()
        self.model.end_late()

    def seen(self) -> Any:
        """What the database says."""
        found: dict[str, tuple[int, dict[int, Any]]] = {
            barrier.name: (barrier.generation, {})
            for barrier in BarrierRow.objects.order_by("pk")
        }
        for one in Round.objects.select_related("barrier").prefetch_related("arrivals"):
            arrived = [arrival.agent_name for arrival in one.arrivals.all()]
            told = (one.state, one.reason, arrived)
            found[one.barrier.name][1][one.generation] = told
        return found

    def said(self, model: Meetings) -> Any:
        """The same of a model."""
        return {
            name: (
                one.generation,
                {n: (r.state, r.reason, r.arrived) for n, r in one.rounds.items()},
            )
            for name, one in model.barriers.items()
        }

    # What parties do; three rules for what has to be three times as likely

    @rule(**ARRIVAL)
    def arrives(self, **given: Any) -> None:
        self.arrive(**given)

    @rule(**ARRIVAL)
    def another_arrives(self, **given: Any) -> None:
        self.arrive(**given)

    @rule(**ARRIVAL)
    def a_third_arrives(self, **given: Any) -> None:
        self.arrive(**given)

    def arrive(
        self,
        name: str,
        at: str,
        generation: int | None,
        person: bool,
        starts: bool,
        death: int | None,
    ) -> None:
        if not self.model.parties[name].there or (not person and name in self.dead):
            return
        if starts:
            self.begin(name)
        agent = Agent.objects.get(name=name)
        run_id = None if person else agent.run_id
        # One that has never run is brought by a person.
        person = run_id is None
        asked = None
        if generation is not None:
            asked = max(1, self.model.barriers[at].generation + generation)

        def act() -> str:
            try:
                told = barriers.arrive(at, agent.pk, run_id, asked)
            except NotExpected:
                return "not expected"
            except Round.DoesNotExist:
                return "no such round"
            return f"{told.generation} {told.state}"

        def expected() -> str:
            return self.model.arrive(at, name, asked, person=person)

        told = self.step("arrive", act, expected, death)
        # A person's call does not wait, and nobody looks at the time for it.
        if told is not None and told.endswith(WAITING) and not person:
            self.waits.add((at, int(told.split()[0])))

    @rule(name=names)
    def a_party_starts(self, name: str) -> None:
        self.begin(name)

    @rule(name=names, death=deaths)
    def a_death_is_recorded(self, name: str, death: int | None) -> None:
        """What waits for the dead is told in the same act."""
        if name not in self.runs:
            return
        run = self.runs[name]

        def act() -> None:
            end_of(run, Status.CRASHED, 137, "killed by SIGKILL")

        if death is None:
            del self.runs[name]
            self.step("death", act, lambda: self.model.ends(name))
            return
        self.dead.add(name)
        self.happened["death"] += 1
        with pytest.raises(Killed):
            dies_at(death, act)
        if Run.objects.get(pk=run.pk).ended_at is not None:
            self.model.ends(name)
        assert self.seen() == self.said(self.model), "a death was half recorded"
        self.restart()

    @rule(name=names)
    def a_party_is_deleted_or_made_again(self, name: str) -> None:
        if name in self.runs:
            return
        if self.model.parties[name].there:
            self.happened["deleted"] += 1
            setups.delete(Agent.objects.get(name=name))
            self.model.deleted(name)
        else:
            self.made_again(name)

    def made_again(self, name: str) -> None:
        Agent.objects.create(name=name, command=["x"])
        self.model.parties[name] = Party()

    # What people, time and the hub do

    @rule(at=places, death=deaths)
    def a_person_resets(self, at: str, death: int | None) -> None:
        def act() -> None:
            barriers.reset(at, "bob")

        self.step("reset", act, lambda: self.model.reset(at), death)

    @rule(at=places)
    def a_person_deletes_it_and_makes_it_again(self, at: str) -> None:
        later = self.model.copy()
        later.end_late()
        current = later.barriers[at].current
        if current is not None and current.state == WAITING:
            with pytest.raises(StillMet):
                barriers.delete(at)
            return
        members = self.model.barriers[at].members
        if not all(self.model.parties[name].there for name in members):
            return
        self.happened["barrier deleted"] += 1
        for one in Round.objects.filter(barrier__name=at):
            self.ends.pop(one.pk, None)
        barriers.delete(at)
        del self.model.barriers[at]
        gone = {one for one in self.waits if one[0] == at}
        told = barrier_waits.look(gone).over
        assert {one.state for one in told.values()} <= {"broken"}
        assert set(told) == gone
        self.waits -= gone
        self.make(at)

    @rule(seconds=st.integers(1, 25), seen=st.booleans())
    def time_passes(self, seconds: int, seen: bool) -> None:
        """The supervisor looks at the time, or has not come to it yet."""
        self.happened["time"] += 1
        Parties.now += seconds
        self.model.now = self.now
        if seen:
            self.look_at_the_time()

    @rule(
        seconds=st.sampled_from([1, 31, 300]),
        dead=st.lists(names, max_size=2, unique=True),
    )
    def the_hub_is_away(self, seconds: int, dead: list[str]) -> None:
        """And some die meanwhile; what had arrived has arrived."""
        self.happened["away"] += 1
        Parties.now += seconds
        self.model.now = self.now
        self.dead |= set(dead) & self.runs.keys()
        self.restart()

    # What must never be, whatever the model says

    @invariant()
    def the_database_says_what_the_model_says(self) -> None:
        Parties.steps += 1
        assert self.seen() == self.said(self.model)

    @invariant()
    def a_round_is_over_once_and_for_one_reason(self) -> None:
        for one in Round.objects.exclude(state=WAITING):
            end = (one.state, one.reason, one.ended_at)
            assert self.ends.setdefault(one.pk, end) == end
        # All have come where it has tripped, and only there.
        for row in Round.objects.select_related("barrier"):
            full = row.arrivals.count() == row.barrier.parties
            assert full == (row.state == "tripped")

    @invariant()
    def nobody_waits_for_the_dead(self) -> None:
        for row in Round.objects.filter(
            state=WAITING, barrier__on_failure="break"
        ).select_related("barrier"):
            there = row.arrivals.values_list("agent_name", flat=True)
            missing = set(row.barrier.members) - set(there)
            dead = Run.objects.filter(
                agent__name__in=missing, agent__run=F("pk"), ended_at__gt=row.began_at
            )
            assert not dead.exists()

    @invariant()
    def who_waits_is_told_once_it_is_over(self) -> None:
        told = barrier_waits.look(self.waits)
        # The look ends what is late, if nobody has done so before.
        for place, generation in self.waits:
            self.model.standing(place, generation)
        rounds = {at: one.rounds for at, one in self.model.barriers.items()}
        over = {(at, n) for at, n in self.waits if rounds[at][n].state != WAITING}
        assert set(told.over) == over
        self.waits -= over

    def teardown(self) -> None:
        """Whoever is missing comes: in the end nobody is left waiting."""
        try:
            self.restart()
            for name in NAMES:
                if not self.model.parties[name].there:
                    self.made_again(name)
                self.begin(name)
            for place, name in itertools.product(PLACES, NAMES):
                current = self.model.barriers[place].current
                waits = current is not None and current.state == WAITING
                if waits:
                    self.arrive(name, place, None, False, True, None)
            waiting = Round.objects.filter(state=WAITING)
            assert not waiting.exists(), "somebody waits for ever"
        finally:
            emptied()


@pytest.mark.parametrize(
    ("examples", "steps"), [(4, 1), pytest.param(150, 10_000, marks=pytest.mark.full)]
)
def test_barriers_are_as_the_model_has_them_whoever_dies(
    examples: int,
    steps: int,
    transactional_db: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clock, "boot_seconds", lambda: Parties.now)
    Parties.now, Parties.steps, Parties.happened = 1000.0, 0, Counter()
    run_state_machine_as_test(
        Parties,
        settings=settings(
            max_examples=examples,
            stateful_step_count=100,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"{Parties.steps} steps: {Parties.happened}")
    assert Parties.steps >= steps
