"""Barriers in the database: all or nobody goes on, and everybody is told why."""

from __future__ import annotations

import pytest

from agents.models import Agent, Arrival, Barrier, Round, Run
from agents.policy import clock
from agents.policy.states import Status
from agents.services import barriers
from agents.services.barriers import BadBarrier, NotExpected, Standing, StillMet
from tests.harness.recorded import end_of, run_of


@pytest.fixture
def agents(db: None) -> dict[str, Agent]:
    return {
        name: Agent.objects.create(name=name, command=["x"])
        for name in ("web", "api", "db")
    }


def arrive(agent: Agent, run: Run | None = None, **more: int) -> Standing:
    return barriers.arrive("meet", agent.pk, run.pk if run else None, **more)


def test_the_last_one_to_arrive_lets_all_go(agents: dict[str, Agent]) -> None:
    barriers.make("meet", ["web", "api", "db"], by="alice")
    first = arrive(agents["web"])
    assert (first.state, first.arrived, first.missing, first.lacking) == (
        "waiting",
        ("web",),
        ("api", "db"),
        2,
    )
    arrive(agents["api"])
    assert arrive(agents["db"]).state == "tripped"
    # What the others find when they look.
    assert barriers.standing("meet", 1).state == "tripped"


def test_any_agents_meet_where_only_a_number_is_known(agents: dict[str, Agent]) -> None:
    barriers.make("meet", 2, by="alice")
    assert arrive(agents["web"]).lacking == 1
    assert arrive(agents["db"]).state == "tripped"


def test_arriving_twice_is_arriving_once(agents: dict[str, Agent]) -> None:
    barriers.make("meet", 2, by="alice")
    assert arrive(agents["web"]) == arrive(agents["web"])


def test_after_a_round_has_tripped_the_next_one_begins(
    agents: dict[str, Agent],
) -> None:
    barriers.make("meet", 1, by="alice")
    assert arrive(agents["web"]).generation == 1
    assert arrive(agents["web"]).generation == 2
    assert barriers.standing("meet", 1).arrived == ("web",)


def test_a_party_that_ends_before_it_arrives_breaks_it(
    agents: dict[str, Agent],
) -> None:
    barriers.make("meet", ["web", "api"], by="alice")
    run = run_of(agents["api"])
    arrive(agents["web"])
    end_of(run, Status.CRASHED, 137, "killed by SIGKILL")
    broken = barriers.standing("meet")
    assert broken.state == "broken"
    assert broken.reason.startswith("api ended before it arrived: ")
    # Nobody arrives at what is broken, until somebody says so.
    assert arrive(agents["web"]).state == "broken"
    assert barriers.reset("meet", "alice").generation == 2
    assert arrive(agents["web"]).state == "waiting"


def test_who_ends_after_arriving_has_arrived(agents: dict[str, Agent]) -> None:
    barriers.make("meet", ["web", "api"], by="alice")
    run = run_of(agents["web"])
    arrive(agents["web"])
    end_of(run, Status.STOPPED, 0, "done")
    assert arrive(agents["api"]).state == "tripped"


def test_a_barrier_that_waits_for_the_dead_is_not_broken(
    agents: dict[str, Agent],
) -> None:
    barriers.make("meet", ["web", "api"], by="alice", on_failure="wait")
    run = run_of(agents["api"])
    arrive(agents["web"])
    end_of(run, Status.CRASHED, 1, "exit code 1")
    assert barriers.standing("meet").state == "waiting"
    assert arrive(agents["api"]).state == "tripped"


def test_whoever_has_not_come_in_time_is_not_waited_for(
    agents: dict[str, Agent], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.boot_seconds()
    monkeypatch.setattr(clock, "boot_seconds", lambda: now)
    barriers.make("meet", ["web", "api"], by="alice", timeout=30.0)
    arrive(agents["web"])
    now += 29
    assert barriers.standing("meet").state == "waiting"
    now += 2
    late = arrive(agents["api"])
    assert (late.state, late.missing) == ("timed_out", ("api",))


def test_a_reset_tells_those_who_wait(agents: dict[str, Agent]) -> None:
    barriers.make("meet", 2, by="alice")
    arrive(agents["web"])
    barriers.reset("meet", "bob", "wrong phase")
    told = barriers.standing("meet", 1)
    assert (told.state, told.reason) == ("broken", "reset by bob: wrong phase")


def test_a_reset_of_a_round_whose_time_was_over_does_not_call_it_broken(
    agents: dict[str, Agent], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.boot_seconds()
    monkeypatch.setattr(clock, "boot_seconds", lambda: now)
    barriers.make("meet", 2, by="alice", timeout=30.0)
    arrive(agents["web"])
    now += 31
    barriers.reset("meet", "bob")
    assert barriers.standing("meet", 1).state == "timed_out"


def test_a_stranger_is_refused(agents: dict[str, Agent]) -> None:
    barriers.make("meet", ["web", "api"], by="alice")
    with pytest.raises(BadBarrier, match="db is none of those"):
        arrive(agents["db"])


def test_a_barrier_is_made_once_and_not_changed_by_its_name(
    agents: dict[str, Agent],
) -> None:
    _, new = barriers.make("meet", 2, by="alice")
    assert new
    _, new = barriers.make("meet", 2, by="bob")
    assert not new
    with pytest.raises(BadBarrier, match="not like this one"):
        barriers.make("meet", 3, by="bob")
    assert Barrier.objects.get().created_by == "alice"


@pytest.mark.parametrize(
    ("parties", "more"),
    [
        (0, {}),
        (["web", "nobody"], {}),
        (2, {"timeout": 0.0}),
        (2, {"timeout": float("nan")}),
        (2, {"on_failure": "shrug"}),
    ],
)
def test_a_barrier_that_cannot_work_is_refused(
    agents: dict[str, Agent], parties: int | list[str], more: dict[str, object]
) -> None:
    with pytest.raises(BadBarrier):
        barriers.make("meet", parties, by="alice", **more)  # type: ignore[arg-type]
    assert not Round.objects.exists()


def test_who_asks_again_for_a_round_that_is_over_is_told_of_that_one(
    agents: dict[str, Agent],
) -> None:
    """It has not heard that all were there, and does not arrive in the next one."""
    barriers.make("meet", 2, by="alice")
    arrive(agents["web"], generation=1)
    arrive(agents["db"])
    assert arrive(agents["web"], generation=1).state == "tripped"
    assert Arrival.objects.count() == 2
    later = arrive(agents["web"], generation=2)
    assert (later.generation, later.state) == (2, "waiting")
    with pytest.raises(Round.DoesNotExist, match="no round 4"):
        arrive(agents["web"], generation=4)


def test_a_run_that_is_over_arrives_nowhere(agents: dict[str, Agent]) -> None:
    barriers.make("meet", ["web", "api"], by="alice")
    run = run_of(agents["api"])
    arrive(agents["web"], run_of(agents["web"], pid=1))
    end_of(run, Status.CRASHED, 1, "exit code 1")
    with pytest.raises(NotExpected, match="This run of api is over"):
        arrive(agents["api"], run)


def test_a_barrier_is_deleted_once_nobody_waits_there(
    agents: dict[str, Agent],
) -> None:
    barriers.make("meet", ["web", "api"], by="alice")
    arrive(agents["web"])
    with pytest.raises(StillMet):
        barriers.delete("meet")
    barriers.reset("meet", "alice")
    barriers.delete("meet")
    assert not Barrier.objects.exists() and not Arrival.objects.exists()
    with pytest.raises(Barrier.DoesNotExist):
        barriers.delete("meet")
