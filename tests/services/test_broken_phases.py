"""Phases of work that break: who cannot come, and what becomes of those who wait."""

from __future__ import annotations

import pytest

from agents.models import Agent, Barrier, Task
from agents.policy import clock
from agents.policy.states import Action, Outcome, Status
from agents.services import (
    barrier_ends,
    barriers,
    brake_pulls,
    lifecycle,
    setups,
    tasks,
)
from agents.services.brake_pulls import Pull
from tests.harness.recorded import end_of, run_of, settled
from tests.services.phase_work import (
    BOB,
    asked,
    built,
    end,
    everybody,
    look,
    may_begin,
    step,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]


@pytest.fixture
def agents() -> dict[str, Agent]:
    return everybody()


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
