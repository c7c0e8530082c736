"""Whatever happens in whatever order: no work begins too early, none waits for ever.

Hypothesis makes up work in phases, agents that do it, fail and are stopped, people who
cancel and reset, and a runner that dies in the middle of a step. What must never be is
looked for in the database after each.
"""

from __future__ import annotations

from collections import Counter
from typing import ClassVar, Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from agents.models import Agent, Arrival, Barrier, ExpectedArrival, Round, Run, Task
from agents.models.choices import BatchActionChoice
from agents.policy.states import Action, Outcome, Status
from agents.policy.tasks import FINISHED, OPEN, TaskState
from agents.services import (
    barriers,
    batch_steps,
    batches,
    changes,
    lifecycle,
    phase_steps,
    tasks,
    work,
)
from agents.services.batches import CannotBatch, Wanted
from agents.services.phases import Phase
from agents.services.tasks import Ask, CannotAsk
from tests.harness.engine import BOB, thinker
from tests.harness.killed import Killed, dies_at, emptied
from tests.harness.recorded import end_of, run_of, settled

NAMES: Final = ("api", "db", "web")
# Barriers, and who meets there.
PLACES: Final[dict[str, int | tuple[str, ...]]] = {
    "built": NAMES,
    "tested": 2,
    "gone": 1,
}
OVER: Final = FINISHED - {TaskState.INTERRUPTED}

names = st.sampled_from(NAMES)
place = st.sampled_from(("", *PLACES))
ends = st.sampled_from([*["succeeded"] * 9, "failed", "timed_out", "interrupted"])
index = st.integers(0, 1000)
# What ends much is rare, or nothing would ever come to its end.
seldom = st.integers(0, 9).map(lambda number: number == 7)


class Phases(RuleBasedStateMachine):
    """`waited`: for which round each task was to wait; `happened`: how often what."""

    steps: ClassVar[int] = 0
    happened: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        emptied()
        self.agents = {name: thinker(name) for name in NAMES}
        for name, parties in PLACES.items():
            barriers.make(name, parties, by="bob")
        self.waited: dict[int, tuple[int, int]] = {}

    @rule(name=names, barrier=place, after=place)
    def work_is_asked_for(self, name: str, barrier: str, after: str) -> None:
        how = Ask("Do it.", phase=Phase(barrier, None, after))
        try:
            task, _ = tasks.ask(self.agents[name].pk, how, BOB)
        except CannotAsk:
            self.happened["refused"] += 1
            return
        self.happened["asked"] += 1
        if task.waits_for_id is not None and task.waits_generation is not None:
            self.waited[task.pk] = (task.waits_for_id, task.waits_generation)

    @rule(name=names)
    def a_phase_is_asked_for_and_the_next(self, name: str) -> None:
        for builder in NAMES:
            self.work_is_asked_for(builder, "built", "")
        self.work_is_asked_for(name, "gone", "built")
        self.work_is_asked_for(name, "", "gone")

    @rule()
    def all_goes_well(self) -> None:
        for _ in range(4):
            self.work_is_done(("succeeded",) * len(NAMES))
            phase_steps.step()

    @rule(barrier=place, after=place)
    def so_it_is_of_many(self, barrier: str, after: str) -> None:
        how = Ask("Do it.", phase=Phase(barrier, None, after))
        wanted = Wanted(
            BatchActionChoice.ASK, list(self.agents.values()), ask=how, at_once=2
        )
        try:
            batches.make(wanted, BOB)
        except CannotBatch:
            self.happened["batch refused"] += 1
        else:
            self.happened["batch"] += 1

    @rule(states=st.tuples(*[ends] * len(NAMES)))
    def work_is_done(self, states: tuple[str, ...]) -> None:
        for name, state in zip(NAMES, states, strict=True):
            self.some_of_it_ends(name, state)

    @rule(name=names, state=ends)
    def some_of_it_ends(self, name: str, state: str) -> None:
        agent = Agent.objects.get(name=name)
        if agent.status != Status.RUNNING:
            lifecycle.ask(Action.START, [agent.pk], BOB)
            run_of(Agent.objects.get(pk=agent.pk))
            settled(agent.pk, Status.RUNNING, Outcome.DONE)
            agent.refresh_from_db()
        assert agent.run is not None
        for claimed in work.claim(agent.pk, agent.run.pk, 1):
            self.was_let_begin(claimed.id)
            work.end(claimed, TaskState(state), state)
            self.happened[state] += 1

    def was_let_begin(self, task_id: int) -> None:
        if task_id in self.waited:
            barrier, generation = self.waited[task_id]
            one = Round.objects.get(barrier=barrier, generation=generation)
            assert one.state == "tripped", f"task {task_id} began before all were there"
            self.happened["began after all were there"] += 1

    @rule(which=index)
    def an_interrupted_one_goes_on(self, which: int) -> None:
        if found := list(Task.objects.filter(state="interrupted").order_by("pk")):
            tasks.go_on(found[which % len(found)].pk, BOB)

    @rule(which=index, seldom=seldom)
    def a_person_cancels(self, which: int, seldom: bool) -> None:
        if seldom and (
            found := list(Task.objects.filter(state="queued").order_by("pk"))
        ):
            tasks.cancel(found[which % len(found)].pk, BOB)

    @rule(name=names, stopped=seldom)
    def an_agent_is_stopped_or_its_run_ends_with_the_hub(
        self, name: str, stopped: bool
    ) -> None:
        agent = Agent.objects.select_related("run").get(name=name)
        if agent.status != Status.RUNNING or agent.run is None:
            return
        run = Run.objects.get(pk=agent.run.pk)
        if not stopped:
            end_of(run, Status.BACKOFF, 0, "the hub it lived in has ended")
            return
        lifecycle.ask(Action.STOP, [agent.pk], BOB)
        end_of(run, Status.STOPPED, 0, "stopped by bob")
        settled(agent.pk, Status.STOPPED, Outcome.DONE, "stopped by bob")
        self.happened["stopped"] += 1

    @rule(name=st.sampled_from(sorted(PLACES)), seldom=seldom)
    def a_barrier_is_reset(self, name: str, seldom: bool) -> None:
        """One that is broken always."""
        if seldom or barriers.standing(name).state == "broken":
            barriers.reset(name, "bob")
            self.happened["reset"] += 1

    @rule(statement=st.integers(1, 40))
    def the_runner_dies_in_the_middle(self, statement: int) -> None:
        with pytest.raises(Killed):
            dies_at(statement, phase_steps.step)

    @invariant()
    def nothing_is_left_behind(self) -> None:
        Phases.steps += 1
        before = -1
        while changes.latest() != before:
            before = changes.latest()
            phase_steps.step()
            batch_steps.step()
        late = ExpectedArrival.objects.filter(state="awaited", task__state__in=OVER)
        assert not late.exists(), "what has ended has arrived, or is lost"
        for task in Task.objects.filter(waits_for__isnull=False):
            self.somebody_is_missing(task)
        for one in Round.objects.filter(state="tripped"):
            there = Arrival.objects.filter(round=one).count()
            assert there == one.barrier.parties
            expected = one.barrier.expected.filter(generation=one.generation)
            assert not expected.filter(state="awaited").exists()

    def somebody_is_missing(self, task: Task) -> None:
        barrier = task.waits_for
        assert barrier is not None and barrier.generation == task.waits_generation
        one = barrier.rounds.filter(generation=barrier.generation).first()
        assert one is None or one.state == "waiting", "it waits for what is over"
        there = 0 if one is None else one.arrivals.count()
        assert there < barrier.parties, "all are there, and it still waits"

    def teardown(self) -> None:
        """Once all barriers are reset, all that is left can begin."""
        try:
            for barrier in Barrier.objects.all():
                barriers.reset(barrier.name, "bob")
            for _ in range(2):
                phase_steps.step()
            assert not Task.objects.filter(waits_for__isnull=False).exists()
            waiting = Task.objects.filter(state__in=OPEN)
            assert all(one.waits_generation is None for one in waiting)
        finally:
            emptied()


@pytest.mark.parametrize(
    ("examples", "steps"), [(1, 1), pytest.param(60, 2_000, marks=pytest.mark.full)]
)
def test_work_in_phases_begins_neither_too_early_nor_never(
    examples: int, steps: int, transactional_db: None, data: object
) -> None:
    Phases.steps, Phases.happened = 0, Counter()
    run_state_machine_as_test(
        Phases,
        settings=settings(
            max_examples=examples,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"{Phases.steps} steps: {Phases.happened}")
    assert Phases.steps >= steps
    if steps > 1:
        assert Phases.happened["began after all were there"] > steps / 100
