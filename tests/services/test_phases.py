"""Phases of work: what succeeds arrives, and what waits for all begins after that."""

from __future__ import annotations

from typing import Any

import pytest

from agents.models import Agent, Barrier, Batch, BatchItem, ExpectedArrival, Task
from agents.models.choices import BatchActionChoice
from agents.policy import clock
from agents.policy.states import Action, Outcome, Status
from agents.policy.tasks import TaskState
from agents.services import (
    barrier_ends,
    barriers,
    batch_steps,
    batches,
    brake_pulls,
    changes,
    due,
    lifecycle,
    phase_steps,
    setups,
    task_detail,
    tasks,
    work,
)
from agents.services.batches import CannotBatch, Wanted
from agents.services.brake_pulls import Pull
from agents.services.lifecycle import Asker
from agents.services.phases import Phase
from agents.services.tasks import Ask, CannotAsk
from tests.harness.engine import thinker
from tests.harness.recorded import end_of, run_of, settled

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]

BOB = Asker("bob", "page", "a release")
PARTIES = ("api", "db", "web")


@pytest.fixture
def agents() -> dict[str, Agent]:
    return {name: thinker(name) for name in (*PARTIES, "tester")}


def asked(agent: Agent, **phase: Any) -> Task:
    return tasks.ask(agent.pk, Ask("Build it.", phase=Phase(**phase)), BOB)[0]


def built(agents: dict[str, Agent], **phase: Any) -> list[Task]:
    """The phase before: a task for each of the three."""
    how = {"barrier": "built", "parties": PARTIES, **phase}
    return [asked(agents[name], **how) for name in PARTIES]


def end(task: Task, state: str = TaskState.SUCCEEDED, **more: Any) -> None:
    """Its engine says how it ended."""
    agent = Agent.objects.get(name=task.agent_name)
    run = agent.run or run_of(agent)
    found = work.turn(agent.pk, run.pk, 9, ()).claimed
    (claimed,) = [one for one in found if one.id == task.pk]
    assert work.end(claimed, TaskState(state), str(state), **more)


def step() -> bool:
    return phase_steps.step()


def look(task: Task) -> tuple[str, str]:
    task.refresh_from_db()
    return task.state, task.reason


def may_begin(task: Task) -> bool:
    assert task.agent_id is not None
    return task.pk in due.due(task.agent_id)


# -- the good way --


def test_work_begins_once_all_of_the_phase_before_have_succeeded(
    agents: dict[str, Agent],
) -> None:
    before = built(agents)
    after = asked(agents["tester"], after="built")
    for task in before:
        step()
        assert not may_begin(after), "somebody is still missing"
        end(task)
    seq = changes.latest()
    step()
    assert may_begin(after)
    assert look(after) == ("queued", "all have arrived at built, in round 1")
    news = changes.since(seq).task_ids
    assert after.pk in news, "its agent is told"
    assert before[-1].pk in news, "and who looks at the one that has arrived"
    assert barriers.standing("built", 1).arrived == PARTIES
    assert not step(), "nothing is left to be looked after"


def test_who_waits_says_for_what(agents: dict[str, Agent]) -> None:
    built(agents)
    after = asked(agents["tester"], after="built")
    found = task_detail.detail(after.pk)
    assert found is not None
    assert found.waits == "It waits until all have arrived at built, in round 1."


def test_an_agent_is_there_once_all_that_it_was_asked_for_is_done(
    agents: dict[str, Agent],
) -> None:
    first, second = (asked(agents["web"], barrier="built", parties=1) for _ in range(2))
    after = asked(agents["tester"], after="built")
    end(first)
    step()
    assert not may_begin(after)
    end(second)
    step()
    assert may_begin(after)


def test_work_for_a_phase_that_is_over_begins_at_once(agents: dict[str, Agent]) -> None:
    for task in built(agents):
        end(task)
    step()
    assert may_begin(asked(agents["tester"], after="built"))


def test_after_a_phase_the_next_work_for_its_barrier_is_another_round(
    agents: dict[str, Agent],
) -> None:
    for task in built(agents):
        end(task)
    step()
    built(agents, parties=None)
    after = asked(agents["tester"], after="built")
    assert not may_begin(after)
    assert after.waits_generation == 2
    rounds = ExpectedArrival.objects.order_by("pk").values_list("generation", flat=True)
    assert list(rounds) == [1, 1, 1, 2, 2, 2]


def test_work_and_programs_meet_at_one_barrier(agents: dict[str, Agent]) -> None:
    program = Agent.objects.create(name="prog", command=["x"])
    task = asked(agents["web"], barrier="built", parties=["prog", "web"])
    after = asked(agents["tester"], after="built")
    barriers.arrive("built", program.pk, run_of(program).pk)
    step()
    assert not may_begin(after)
    end(task)
    step()
    assert may_begin(after)


def test_of_a_conversation_that_waits_nothing_later_begins(
    agents: dict[str, Agent],
) -> None:
    built(agents)
    after = asked(agents["tester"], after="built")
    follow = Ask("And then?", follows=after.pk)
    later = tasks.ask(agents["tester"].pk, follow, BOB)[0]
    assert not may_begin(later)


# -- those that cannot come --


@pytest.mark.parametrize("state", ["failed", "timed_out", "cancelled"])
def test_work_that_does_not_succeed_ends_what_waits_for_it_with_its_name(
    agents: dict[str, Agent], state: str
) -> None:
    _, task, _ = built(agents)
    after = asked(agents["tester"], after="built", barrier="tested", parties=1)
    last = asked(agents["tester"], after="tested")
    end(task, state, error="no disk")
    step()
    step()
    how = "was cancelled" if state == "cancelled" else state.replace("_", " ")
    why = f"round 1 is broken: task {task.pk} of db {how}: no disk"
    assert look(after) == ("cancelled", f"cancelled by barrier built: {why}")
    assert look(last)[0] == "cancelled", "and what waits for that"
    assert f"task {after.pk} of tester was cancelled" in last.reason
    assert barriers.standing("built").state == "broken"
    assert not step()


def test_where_the_others_wait_it_may_be_asked_again(agents: dict[str, Agent]) -> None:
    barriers.make("built", ["web"], by="bob", on_failure="wait")
    end(asked(agents["web"], barrier="built"), "failed")
    after = asked(agents["tester"], after="built")
    step()
    assert look(after)[0] == "queued"
    assert not may_begin(after)
    end(asked(agents["web"], barrier="built"))
    step()
    assert may_begin(after)


def test_where_the_others_wait_a_stopped_agent_is_only_missing(
    agents: dict[str, Agent],
) -> None:
    web = agents["web"]
    barriers.make("built", ["web"], by="bob", on_failure="wait")
    asked(web, barrier="built")
    after = asked(agents["tester"], after="built")
    end_of(run_of(web), Status.STOPPED, 0, "stopped by bob")
    settled(web.pk, Status.STOPPED, Outcome.DONE, "stopped by bob")
    assert step()
    assert look(after)[0] == "queued"


def test_a_round_that_times_out_ends_what_waits_for_it(
    agents: dict[str, Agent], monkeypatch: pytest.MonkeyPatch
) -> None:
    barriers.make("built", ["api", "web"], by="bob", timeout=60)
    one, other = (asked(agents[name], barrier="built") for name in ("api", "web"))
    after = asked(agents["tester"], after="built")
    end(one)
    step()
    later = clock.boot_seconds() + 61
    monkeypatch.setattr(clock, "boot_seconds", lambda: later)
    barrier_ends.end_late()
    assert not step()
    assert look(after)[0] == "cancelled"
    assert after.reason.endswith("round 1 is timed out: not all arrived in time")
    other.refresh_from_db()
    assert (other.state, other.arrival.state) == ("queued", "late")


def test_interrupted_work_may_still_go_on_and_arrive(agents: dict[str, Agent]) -> None:
    task = asked(agents["web"], barrier="built", parties=1)
    after = asked(agents["tester"], after="built")
    end(task, "interrupted")
    assert step(), "it is awaited"
    assert look(after)[0] == "queued"
    tasks.go_on(task.pk, BOB)
    end(task)
    step()
    assert may_begin(after)


def test_a_run_that_ends_while_the_hub_does_is_no_death_the_work_goes_on(
    agents: dict[str, Agent],
) -> None:
    web, api = agents["web"], agents["api"]
    first = asked(web, barrier="built", parties=["web", "api"])
    second = asked(api, barrier="built")
    after = asked(agents["tester"], after="built")
    run = run_of(web)
    end(second)
    step()
    assert barriers.standing("built").state == "waiting"
    end_of(run, Status.BACKOFF, 0, "the hub it lived in has ended")
    step()
    assert barriers.standing("built").state == "waiting"
    web.refresh_from_db()
    run_of(web)
    end(first)
    step()
    assert may_begin(after)


@pytest.mark.parametrize("at_work", [True, False])
def test_an_agent_that_is_stopped_breaks_the_phase_that_it_works_for(
    agents: dict[str, Agent], at_work: bool
) -> None:
    web = agents["web"]
    built(agents)
    after = asked(agents["tester"], after="built")
    run = run_of(web)
    if at_work:
        end(Task.objects.get(agent_name="web"), "interrupted")
    lifecycle.ask(Action.STOP, [web.pk], BOB)
    step()
    assert look(after)[0] == "queued", "it is not stopped yet"
    end_of(run, Status.STOPPED, 0, "stopped by bob")
    settled(web.pk, Status.STOPPED, Outcome.DONE, "stopped by bob")
    step()
    assert look(after)[0] == "cancelled"
    assert "web ended before it arrived: stopped by bob" in after.reason


def test_an_agent_that_was_never_started_is_only_missing(
    agents: dict[str, Agent],
) -> None:
    built(agents)
    after = asked(agents["tester"], after="built")
    assert step()
    assert look(after)[0] == "queued"


def test_the_fleet_brake_stops_agents_and_breaks_no_phase(
    agents: dict[str, Agent],
) -> None:
    web = agents["web"]
    built(agents)
    lifecycle.ask(Action.START, [web.pk], BOB)
    run = run_of(Agent.objects.get(pk=web.pk))
    brake_pulls.pull(Pull(stop=True), BOB)
    end_of(run, Status.STOPPED, 0, "stopped")
    settled(web.pk, Status.STOPPED, Outcome.DONE, "stopped")
    step()
    assert barriers.standing("built").state == "waiting"
    brake_pulls.release(BOB, go_on=True)
    step()
    assert barriers.standing("built").state == "waiting", "it is being started again"


def test_a_deleted_agent_breaks_the_phase(agents: dict[str, Agent]) -> None:
    built(agents)
    after = asked(agents["tester"], after="built")
    setups.delete(agents["db"])
    step()
    assert look(after)[0] == "cancelled"
    assert "its agent was deleted" in after.reason


def test_a_person_resets_the_barrier_and_what_waits_is_told(
    agents: dict[str, Agent],
) -> None:
    task, *_ = built(agents)
    after = asked(agents["tester"], after="built")
    with pytest.raises(barriers.StillMet, match="Work waits until all"):
        barriers.delete("built")
    barriers.reset("built", "alice", "wrong branch")
    assert not step(), "nothing is expected any more"
    assert look(after)[0] == "cancelled"
    assert after.reason.endswith("round 1 is broken: reset by alice: wrong branch")
    end(task)
    step()
    assert barriers.standing("built", 2).arrived == (), "it was of the round before"
    barriers.delete("built")
    assert not Barrier.objects.exists()


def test_who_waits_may_be_cancelled_or_its_agent_deleted(
    agents: dict[str, Agent],
) -> None:
    built(agents)
    one = asked(agents["tester"], after="built")
    other = asked(agents["tester"], after="built")
    assert tasks.cancel(one.pk, BOB).state == "cancelled"
    setups.delete(agents["tester"])
    assert look(other) == ("cancelled", "its agent was deleted")
    assert not Task.objects.filter(waits_for__isnull=False).exists()


# -- what is refused --


@pytest.mark.parametrize(
    ("phase", "field", "words"),
    [
        ({"parties": 2}, "parties", "Name the barrier"),
        ({"barrier": "built"}, "barrier", "Say which parties meet there"),
        ({"barrier": "built", "parties": ["api"]}, "barrier", "web is none of those"),
        ({"barrier": "built", "parties": 0}, "parties", "parties can meet"),
        ({"barrier": "a b", "parties": 1}, "barrier", "A barrier's name"),
        ({"after": "built"}, "after", "There is no barrier 'built'"),
        (
            {"barrier": "built", "parties": 1, "after": "built"},
            "after",
            "Use two barriers",
        ),
    ],
)
def test_work_that_could_never_begin_or_arrive_is_refused(
    agents: dict[str, Agent], phase: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(CannotAsk, match=words) as refused:
        asked(agents["web"], **phase)
    assert refused.value.field == field
    assert not Task.objects.exists()
    assert not Barrier.objects.exists(), "nothing is left of what was refused"


def test_other_parties_than_before_are_refused(agents: dict[str, Agent]) -> None:
    built(agents)
    with pytest.raises(CannotAsk, match="not like this one"):
        asked(agents["web"], barrier="built", parties=2)


def test_a_phase_that_is_broken_takes_no_more_work(agents: dict[str, Agent]) -> None:
    task, *_ = built(agents)
    end(task, "failed", error="no disk")
    step()
    for phase in ({"barrier": "built"}, {"after": "built"}):
        with pytest.raises(CannotAsk, match=r"built is broken: .*no disk\. Reset it"):
            asked(agents["web"], **phase)


def test_who_is_there_already_is_not_asked_for_the_same_round(
    agents: dict[str, Agent],
) -> None:
    task, *_ = built(agents)
    end(task)
    step()
    with pytest.raises(CannotAsk, match="api is at built already"):
        asked(agents["api"], barrier="built")


def test_no_more_work_is_bound_than_parties_can_meet(agents: dict[str, Agent]) -> None:
    for name in ("web", "api"):
        asked(agents[name], barrier="built", parties=2)
    with pytest.raises(CannotAsk, match="2 meet at built"):
        asked(agents["db"], barrier="built")


def test_a_circle_of_waiting_work_is_refused(agents: dict[str, Agent]) -> None:
    for name in ("a", "b", "c"):
        barriers.make(name, 1, by="bob")
    asked(agents["web"], barrier="b", after="a")
    asked(agents["api"], barrier="c", after="b")
    with pytest.raises(CannotAsk, match="none of this would ever begin"):
        asked(agents["db"], barrier="a", after="c")


def test_so_is_one_that_a_conversation_closes(agents: dict[str, Agent]) -> None:
    for name in ("a", "b"):
        barriers.make(name, 1, by="bob")
    first = asked(agents["web"], after="a")

    def follow(barrier: str) -> None:
        wanted = Ask("And then?", follows=first.pk, phase=Phase(barrier))
        tasks.ask(agents["web"].pk, wanted, BOB)

    with pytest.raises(CannotAsk, match="none of this would ever begin"):
        follow("a")
    follow("b")
    with pytest.raises(CannotAsk, match="none of this would ever begin"):
        asked(agents["db"], barrier="a", after="b")


# -- batches --


def batch(agents: list[Agent], **phase: Any) -> Batch:
    how = Ask("Build it.", phase=Phase(**phase))
    return batches.make(Wanted(BatchActionChoice.ASK, agents, ask=how, at_once=2), BOB)


def items(made: Batch) -> dict[str, str]:
    rows = BatchItem.objects.filter(batch=made)
    return dict(rows.values_list("agent_name", "state"))


def go_on() -> None:
    phase_steps.step()
    batch_steps.step()


def test_a_batch_begins_when_all_of_the_batch_before_have_arrived(
    agents: dict[str, Agent],
) -> None:
    before = batch([agents[name] for name in PARTIES], barrier="built")
    after = batch([agents["tester"]], after="built")
    go_on()
    assert items(after) == {"tester": "waiting"}
    for _ in PARTIES:
        task = Task.objects.filter(state="queued").order_by("pk").first()
        assert task is not None
        end(task)
        go_on()
    go_on()
    before.refresh_from_db()
    assert before.state == "done"
    assert items(after) == {"tester": "begun"}
    found = barriers.standing("built")
    assert (found.state, found.arrived) == ("tripped", PARTIES)


def test_an_agent_of_a_batch_that_is_not_asked_breaks_the_phase(
    agents: dict[str, Agent],
) -> None:
    before = batch([agents[name] for name in PARTIES], barrier="built")
    after = batch([agents["tester"]], after="built")
    go_on()
    batches.cancel(before.pk, BOB)
    go_on()
    after.refresh_from_db()
    assert (after.state, after.cancel_asked_by) == ("cancelled", "barrier built")
    assert "web was not asked: not begun: cancelled by bob" in after.cancel_reason
    assert items(after) == {"tester": "cancelled"}


def test_a_batch_of_more_than_meet_is_refused(agents: dict[str, Agent]) -> None:
    with pytest.raises(CannotBatch, match="2 meet at built") as refused:
        batch([agents[name] for name in PARTIES], barrier="built", parties=2)
    assert refused.value.field == "barrier"
    assert not Batch.objects.exists()


def test_a_batch_sent_twice_is_one_whatever_became_of_its_barrier(
    agents: dict[str, Agent],
) -> None:
    def send() -> Batch:
        how = Ask("Build it.", phase=Phase("built", 1))
        wanted = Wanted(BatchActionChoice.ASK, [agents["web"]], ask=how, key="k")
        return batches.make(wanted, BOB)

    first = send()
    go_on()
    end(Task.objects.get(), "failed")
    go_on()
    assert send() == first
