"""Phases of work: what succeeds arrives, and what waits for all begins after that."""

from __future__ import annotations

from typing import Any

import pytest

from agents.models import Agent, Barrier, ExpectedArrival, Task
from agents.services import (
    barriers,
    changes,
    task_detail,
    tasks,
)
from agents.services.phases import Phase
from agents.services.tasks import Ask, CannotAsk
from tests.harness.recorded import run_of
from tests.services.phase_work import (
    BOB,
    PARTIES,
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
