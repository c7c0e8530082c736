"""Rounds that end though nobody arrives: deaths, deletions and time."""

from __future__ import annotations

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from agents.models import Agent, Barrier, Change, Round, Run
from agents.policy import clock
from agents.policy.states import Status
from agents.services import barrier_ends, barriers, setups
from agents.services.rounds import Standing
from tests.harness.recorded import end_of, run_of


@pytest.fixture
def agents(db: None) -> dict[str, Agent]:
    return {
        name: Agent.objects.create(name=name, command=["x"])
        for name in ("web", "api", "db")
    }


def arrive(run: Run) -> Standing:
    assert run.agent_id is not None
    return barriers.arrive("meet", run.agent_id, run.pk)


def crash(run: Run) -> None:
    end_of(run, Status.CRASHED, 1, "exit code 1")


def test_a_party_that_died_before_anybody_came_is_not_waited_for(
    agents: dict[str, Agent],
) -> None:
    web, api = run_of(agents["web"]), run_of(agents["api"], pid=1)
    barriers.make("meet", ["web", "api"], by="alice")
    crash(api)
    told = arrive(web)
    assert (told.state, told.arrived, told.missing) == ("broken", (), ("api", "web"))
    assert told.reason == "api ended before it arrived: exit code 1"


def test_one_that_has_been_started_again_by_then_may_come(
    agents: dict[str, Agent],
) -> None:
    web, api = run_of(agents["web"]), run_of(agents["api"], pid=1)
    barriers.make("meet", ["web", "api"], by="alice")
    crash(api)
    again = run_of(agents["api"], pid=2)
    assert arrive(web).state == "waiting"
    assert arrive(again).state == "tripped"


def test_one_that_never_started_or_ended_long_ago_is_missing_and_not_dead(
    agents: dict[str, Agent],
) -> None:
    barriers.make("meet", ["web", "api", "db"], by="alice")
    end_of(run_of(agents["api"]), Status.STOPPED, 0, "completed")
    # It has not met them: its own run began later.
    late = run_of(agents["web"], began=timezone.now())
    told = arrive(late)
    assert (told.state, told.missing) == ("waiting", ("api", "db"))


def test_a_death_before_the_reset_is_forgiven(agents: dict[str, Agent]) -> None:
    web, api = run_of(agents["web"]), run_of(agents["api"], pid=1)
    barriers.make("meet", ["web", "api"], by="alice")
    arrive(web)
    crash(api)
    assert barriers.standing("meet").state == "broken"
    barriers.reset("meet", "alice")
    assert arrive(web).state == "waiting"
    assert arrive(run_of(agents["api"], pid=2)).state == "tripped"


def test_where_the_dead_are_waited_for_they_may_come_with_their_next_run(
    agents: dict[str, Agent],
) -> None:
    web, api = run_of(agents["web"]), run_of(agents["api"], pid=1)
    barriers.make("meet", ["web", "api"], by="alice", on_failure="wait")
    crash(api)
    assert arrive(web).state == "waiting"
    again = run_of(agents["api"], pid=2)
    crash(again)
    assert barriers.standing("meet").state == "waiting"
    assert arrive(run_of(agents["api"], pid=3)).state == "tripped"


def test_nobody_knows_whose_death_matters_where_only_a_number_is_known(
    agents: dict[str, Agent],
) -> None:
    web, api = run_of(agents["web"]), run_of(agents["api"], pid=1)
    barriers.make("meet", 2, by="alice")
    arrive(web)
    crash(api)
    told = barriers.standing("meet")
    assert (told.state, told.missing, told.lacking) == ("waiting", (), 1)


@pytest.mark.parametrize("on_failure", ["break", "wait"])
def test_a_party_that_is_deleted_breaks_it_whatever_it_waits_for(
    on_failure: str, agents: dict[str, Agent]
) -> None:
    barriers.make("meet", ["web", "api"], by="alice", on_failure=on_failure)
    web = run_of(agents["web"])
    arrive(web)
    setups.delete(agents["api"])
    told = barriers.standing("meet")
    assert told.state == "broken"
    assert told.reason == "api was deleted before it arrived"
    barriers.reset("meet", "alice")
    assert arrive(web).reason == "there is no agent api any more"


def test_who_has_arrived_may_be_deleted(agents: dict[str, Agent]) -> None:
    barriers.make("meet", ["web", "api"], by="alice")
    barriers.arrive("meet", agents["api"].pk, None)
    setups.delete(agents["api"])
    assert barriers.standing("meet").state == "waiting"
    assert barriers.arrive("meet", agents["web"].pk, None).state == "tripped"


def test_a_round_that_nobody_looks_at_ends_in_its_time(
    agents: dict[str, Agent], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.boot_seconds()
    monkeypatch.setattr(clock, "boot_seconds", lambda: now)
    assert barrier_ends.end_late() is None
    for name, timeout in (("meet", 30.0), ("later", 50.0), ("never", None)):
        barriers.make(name, ["web", "api"], by="alice", timeout=timeout)
        barriers.arrive(name, agents["web"].pk, None)
    assert barrier_ends.end_late() == pytest.approx(30)
    now += 31
    told = Change.objects.count()
    assert barrier_ends.end_late() == pytest.approx(19)
    assert Change.objects.count() == told + 1
    states = dict(Round.objects.values_list("barrier__name", "state"))
    assert states == {"meet": "timed_out", "later": "waiting", "never": "waiting"}


def test_a_deadline_of_before_the_machine_was_started_is_over(
    agents: dict[str, Agent],
) -> None:
    barriers.make("meet", ["web", "api"], by="alice", timeout=3600.0)
    barriers.arrive("meet", agents["web"].pk, None)
    Round.objects.update(deadline_boot="another boot")
    barrier_ends.end_late()
    assert Round.objects.get().state == "timed_out"


def test_nothing_is_asked_of_the_database_beyond_one_question(
    agents: dict[str, Agent], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    barriers.make("meet", ["web", "api"], by="alice")
    barriers.arrive("meet", agents["web"].pk, None)
    with django_assert_num_queries(1):
        barrier_ends.end_late()
    assert Barrier.objects.count() == 1
