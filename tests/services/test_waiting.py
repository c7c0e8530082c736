"""A wait is judged from rows alone, whoever wrote them."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Agent
from agents.policy.states import Action, Outcome, Status
from agents.services import lifecycle, setups
from agents.services.lifecycle import Asked, Asker
from agents.services.waiting import Result, Wait, watch
from tests.harness.recorded import end_of, passing, run_of, settled

pytestmark = pytest.mark.django_db

ME = Asker("me", "command")


def agent_named(name: str) -> Agent:
    agent = Agent(name=name, command=["sleep", "60"])
    setups.save(agent)
    return agent


def ask(action: Action, *agents: Agent, by: Asker = ME) -> list[Asked]:
    return lifecycle.ask(action, [agent.pk for agent in agents], by)


def verdict(wait: Wait) -> Result:
    (result,) = wait.results
    return result


def test_an_open_request_is_not_judged() -> None:
    wait = Wait(Action.START, ask(Action.START, agent_named("a")))
    wait.look()
    assert not wait.done
    assert wait.results == []


@pytest.mark.parametrize("action", [Action.START, Action.RESTART])
def test_a_start_is_done_when_the_agent_runs(action: Action) -> None:
    agent = agent_named("a")
    wait = Wait(action, ask(action, agent))
    passing(agent.pk, Status.STARTING)
    settled(agent.pk, Status.RUNNING, Outcome.DONE, "running")
    wait.look()
    assert verdict(wait) == Result("a", True, "running", "running")


def test_a_start_is_done_when_the_agent_completed() -> None:
    agent = agent_named("a")
    wait = Wait(Action.START, ask(Action.START, agent))
    passing(agent.pk, Status.STARTING)
    settled(agent.pk, Status.STOPPED, Outcome.DONE, "completed: exited with 0")
    wait.look()
    assert verdict(wait) == Result("a", True, "stopped", "completed: exited with 0")


def test_a_crash_fails_a_start_and_says_why() -> None:
    agent = agent_named("a")
    wait = Wait(Action.START, ask(Action.START, agent))
    settled(agent.pk, Status.CRASHED, Outcome.FAILED, "program not found")
    wait.look()
    assert verdict(wait) == Result("a", False, "crashed", "program not found")


def test_a_start_that_ran_and_crashed_before_anybody_looked_has_failed() -> None:
    agent = agent_named("a")
    wait = Wait(Action.START, ask(Action.START, agent))
    agent.refresh_from_db()
    run = run_of(agent)
    settled(agent.pk, Status.RUNNING, Outcome.DONE, "running")
    end_of(run, Status.CRASHED, 3, "exited with 3")
    wait.look()
    assert verdict(wait) == Result("a", False, "crashed", "exited with 3")


def test_a_start_that_fell_into_backoff_is_not_judged_until_it_is_clear() -> None:
    agent = agent_named("a")
    wait = Wait(Action.START, ask(Action.START, agent))
    agent.refresh_from_db()
    run = run_of(agent)
    settled(agent.pk, Status.RUNNING, Outcome.DONE, "running")
    end_of(run, Status.BACKOFF, 3, "exited with 3; restart 1 of 5 in 1.0 s")
    wait.look()
    assert not wait.done
    wait.give_up("after 2 s")
    assert verdict(wait).detail == (
        "still backoff after 2 s: exited with 3; restart 1 of 5 in 1.0 s"
    )
    assert not verdict(wait).ok


def test_what_a_later_request_did_does_not_undo_a_success() -> None:
    agent = agent_named("a")
    wait = Wait(Action.START, ask(Action.START, agent))
    passing(agent.pk, Status.STARTING)
    settled(agent.pk, Status.RUNNING, Outcome.DONE, "running")
    ask(Action.STOP, agent, by=Asker("bob", "page"))
    passing(agent.pk, Status.STOPPING)
    settled(agent.pk, Status.STOPPED, Outcome.DONE, "stopped")
    wait.look()
    assert verdict(wait).ok


def test_a_stop_is_done_when_its_request_is() -> None:
    agent = agent_named("a")
    wait = Wait(Action.STOP, ask(Action.STOP, agent))
    settled(agent.pk, Status.STOPPED, Outcome.DONE, "stopped")
    wait.look()
    assert verdict(wait) == Result("a", True, "stopped", "stopped")


@pytest.mark.parametrize(
    ("mine", "later"),
    [
        (Action.STOP, Action.KILL),
        (Action.KILL, Action.STOP),
        (Action.START, Action.RESTART),
        (Action.START, Action.START),
        (Action.RESTART, Action.RESTART),
    ],
)
def test_a_later_request_for_the_same_is_waited_for(
    mine: Action, later: Action
) -> None:
    agent = agent_named("a")
    wait = Wait(mine, ask(mine, agent))
    ask(later, agent, by=Asker("bob", "page"))
    wait.look()
    assert not wait.done
    status = Status.CRASHED if mine.desired == "running" else Status.STOPPED
    settled(agent.pk, status, Outcome.FAILED, "bob's had this outcome")
    wait.look()
    assert verdict(wait).detail == "bob's had this outcome"


@pytest.mark.parametrize(
    ("mine", "later"),
    [
        (Action.START, Action.STOP),
        (Action.STOP, Action.START),
        (Action.RESTART, Action.START),
        (Action.RESTART, Action.KILL),
    ],
)
def test_a_later_request_for_something_else_fails_the_wait(
    mine: Action, later: Action
) -> None:
    agent = agent_named("a")
    wait = Wait(mine, ask(mine, agent))
    ask(later, agent, by=Asker("bob", "page"))
    wait.look()
    assert verdict(wait) == Result(
        "a", False, "stopped", f"superseded by bob's {later}"
    )


def test_the_latest_of_many_later_requests_counts() -> None:
    agent = agent_named("a")
    wait = Wait(Action.START, ask(Action.START, agent))
    ask(Action.STOP, agent)
    ask(Action.START, agent)
    wait.look()
    assert not wait.done


@pytest.mark.parametrize("superseded", [False, True])
def test_a_deleted_agent_fails_the_wait(superseded: bool) -> None:
    agent = agent_named("a")
    wait = Wait(Action.START, ask(Action.START, agent))
    if superseded:
        ask(Action.START, agent)
    Agent.objects.filter(pk=agent.pk).delete()
    wait.look()
    assert verdict(wait) == Result("a", False, None, "the agent was deleted")


def test_five_hundred_agents_are_one_query() -> None:
    Agent.objects.bulk_create(
        Agent(name=f"a{number}", command=["true"]) for number in range(500)
    )
    wait = Wait(Action.STOP, ask(Action.STOP, *Agent.objects.all()))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        wait.look()
    assert len(queries) == 1
    assert not wait.done


def test_giving_up_looks_once_more() -> None:
    quick, slow = agent_named("quick"), agent_named("slow")
    wait = Wait(Action.STOP, ask(Action.STOP, quick, slow))
    settled(quick.pk, Status.STOPPED, Outcome.DONE, "stopped")
    wait.give_up("after 1 s")
    assert [(one.name, one.ok) for one in wait.results] == [
        ("quick", True),
        ("slow", False),
    ]
    assert wait.done


@pytest.mark.django_db(transaction=True)
def test_watching_sees_what_another_connection_commits() -> None:
    agent = agent_named("a")
    wait = Wait(Action.STOP, ask(Action.STOP, agent))
    looked = threading.Event()

    def supervise() -> None:
        assert looked.wait(10)
        settled(agent.pk, Status.STOPPED, Outcome.DONE, "stopped")
        connection.close()

    thread = threading.Thread(target=supervise, daemon=True)
    thread.start()
    begun = time.monotonic()
    assert watch(wait, 10, lambda wait: looked.set())
    assert time.monotonic() - begun < 5
    assert verdict(wait).ok
    thread.join()


@pytest.mark.django_db(transaction=True)
def test_watching_ends_with_its_time() -> None:
    wait = Wait(Action.STOP, ask(Action.STOP, agent_named("a")))
    begun = time.monotonic()
    assert not watch(wait, 0.2)
    assert 0.2 <= time.monotonic() - begun < 2


@pytest.mark.django_db(transaction=True)
def test_watching_asks_nothing_while_nothing_is_committed() -> None:
    wait = Wait(Action.STOP, ask(Action.STOP, agent_named("a")))
    with CaptureQueriesContext(connection) as queries:
        watch(wait, 0.5)
    asked = [one["sql"] for one in queries if "PRAGMA" not in one["sql"]]
    assert len(asked) == 1
