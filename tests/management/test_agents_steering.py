"""`agents start|stop|restart|kill`: what is recorded, waited for and answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.core.management.base import CommandError
from django.db import connection

from agents.models import Agent, Request
from agents.policy.states import Action, Outcome, Status
from agents.services import lifecycle
from agents.services.lifecycle import Asker
from tests.harness.recorded import passing, run_of, settled
from tests.harness.waiting import until
from tests.management.conftest import Make, Run

pytestmark = pytest.mark.django_db(transaction=True)

ACTIONS = ["start", "stop", "restart", "kill"]


@contextmanager
def meanwhile(
    supervise: Callable[[Request], None], requests: int = 1
) -> Iterator[None]:
    """For each open request, once there are so many, let the supervisor say this."""

    def wait_and_supervise() -> None:
        open_ones = Request.objects.filter(outcome="").order_by("pk")
        until(lambda: open_ones.count() >= requests)
        for request in list(open_ones):
            supervise(request)
        connection.close()

    thread = threading.Thread(target=wait_and_supervise, daemon=True)
    thread.start()
    yield
    thread.join()


def runs(request: Request) -> None:
    assert request.agent_id is not None
    passing(request.agent_id, Status.STARTING)
    settled(request.agent_id, Status.RUNNING, Outcome.DONE, "running as pid 7")


def crashes(request: Request) -> None:
    assert request.agent_id is not None
    settled(request.agent_id, Status.CRASHED, Outcome.FAILED, "exited with 3")


def is_settled(request: Request) -> None:
    """As it is."""
    assert request.agent is not None
    settled(request.agent.pk, Status(request.agent.status), Outcome.DONE, "already so")


# Without --wait


@pytest.mark.usefixtures("supervised")
@pytest.mark.parametrize("action", ACTIONS)
def test_a_wish_is_recorded_with_who_and_why(
    agents: Run, make: Make, action: str
) -> None:
    run_of(make("web"))
    answer = agents(action, "web", "--reason", "new release")
    assert (answer.code, answer.err) == (0, "")
    request = Request.objects.get()
    assert (request.action, request.reason, request.via) == (
        action,
        "new release",
        "command",
    )
    assert request.actor.endswith("@terminal")
    assert request.outcome == ""


@pytest.mark.usefixtures("supervised")
def test_json_answers_for_each_name_in_the_order_given(agents: Run, make: Make) -> None:
    run_of(make("web"))
    make("api")
    answer = agents("start", "web", "nobody", "api", "--json")
    assert answer.code == 1
    assert answer.json == [
        {"name": "web", "ok": True, "status": "running", "detail": "already running"},
        {
            "name": "nobody",
            "ok": False,
            "status": None,
            "detail": "There is no agent 'nobody'.",
        },
        {"name": "api", "ok": True, "status": "stopped", "detail": "start recorded"},
    ]
    assert Request.objects.count() == 2


@pytest.mark.usefixtures("supervised")
def test_an_unknown_name_fails_and_the_others_are_still_asked(
    agents: Run, make: Make
) -> None:
    make("worker")
    answer = agents("start", "wrker", "worker")
    assert answer.code == 1
    assert "There is no agent 'wrker'. Did you mean 'worker'?" in answer.err
    assert Request.objects.get().agent_name == "worker"


@pytest.mark.usefixtures("supervised")
def test_the_summary_counts_who_was_asked_and_who_was_so_already(
    agents: Run, make: Make
) -> None:
    for number in range(12):
        make(f"a{number}")
    run_of(Agent.objects.get(name="a0"))
    assert agents("stop", "--all").out == "12 asked, 11 already stopped\n"
    assert Request.objects.count() == 12


@pytest.mark.usefixtures("supervised")
def test_labels_choose_the_agents_that_carry_all_of_them(
    agents: Run, make: Make
) -> None:
    make("a", labels={"team": "x", "tier/1": "y=z"})
    make("b", labels={"team": "x"})
    make("c")
    agents("start", "--label", "team=x", "--label", "tier/1=y=z")
    assert [one.agent_name for one in Request.objects.all()] == ["a"]
    agents("start", "--label", "team=x")
    assert Request.objects.filter(agent_name="c").count() == 0
    assert Request.objects.filter(agent_name="b").count() == 1


@pytest.mark.usefixtures("supervised")
def test_nobody_to_ask_is_no_failure_but_is_said(agents: Run, make: Make) -> None:
    answer = agents("stop", "--all")
    assert (answer.code, answer.out) == (0, "")
    assert "No agents yet" in answer.err
    make("web")
    answer = agents("stop", "--label", "a=b", "--json")
    assert (answer.code, answer.json) == (0, [])


@pytest.mark.parametrize(
    "arguments",
    [
        ("start",),
        ("start", "web", "--all"),
        ("start", "--label", "a=b", "--all"),
        ("start", "--label", "team", "web"),
        ("stop", "web", "--wait", "soon"),
        ("stop", "web", "--wait", "-1"),
        ("stop", "web", "--wait", "nan"),
        ("logs", "web", "--tail", "-1"),
        ("logs", "web", "--stream", "both"),
        ("history",),
        ("dance",),
        (),
    ],
)
def test_a_line_that_makes_no_sense_is_misuse_and_asks_nothing(
    agents: Run, make: Make, arguments: tuple[str, ...]
) -> None:
    make("web")
    with pytest.raises(CommandError, match="Error: "):
        agents(*arguments)
    assert not Request.objects.exists()


# With --wait


@pytest.mark.usefixtures("supervised")
@pytest.mark.parametrize("action", ["start", "restart"])
def test_waiting_ends_when_the_agent_runs(agents: Run, make: Make, action: str) -> None:
    make("web")
    with meanwhile(runs):
        answer = agents(action, "web", "--wait", "10")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == "web: running as pid 7\n"


@pytest.mark.usefixtures("supervised")
@pytest.mark.parametrize("action", ["stop", "kill"])
def test_waiting_ends_when_the_agent_is_stopped(
    agents: Run, make: Make, action: str
) -> None:
    agent = make("web")
    run_of(agent)

    def stops(request: Request) -> None:
        passing(agent.pk, Status.STOPPING)
        settled(agent.pk, Status.STOPPED, Outcome.DONE, "stopped")

    with meanwhile(stops):
        answer = agents(action, "web", "--wait", "10", "--json")
    assert answer.code == 0
    assert answer.json == [
        {"name": "web", "ok": True, "status": "stopped", "detail": "stopped"}
    ]


@pytest.mark.usefixtures("supervised")
def test_a_crash_fails_the_wait_and_says_why(agents: Run, make: Make) -> None:
    make("web")
    with meanwhile(crashes):
        answer = agents("start", "web", "--wait", "10")
    assert (answer.code, answer.err) == (1, "web: crashed, exited with 3\n")


@pytest.mark.usefixtures("supervised")
def test_one_of_several_failing_fails_the_wait(agents: Run, make: Make) -> None:
    good, bad = make("good"), make("bad")

    def supervise(request: Request) -> None:
        crashes(request) if request.agent_id == bad.pk else runs(request)

    with meanwhile(supervise, requests=2):
        answer = agents("start", "bad", "good", "--wait", "10", "--json")
    assert answer.code == 1
    assert [(one["name"], one["ok"]) for one in answer.json] == [
        (bad.name, False),
        (good.name, True),
    ]


@pytest.mark.usefixtures("supervised")
def test_a_timeout_fails_the_wait_and_the_wish_stands(agents: Run, make: Make) -> None:
    make("web")
    begun = time.monotonic()
    answer = agents("start", "web", "--wait", "0.3")
    assert 0.3 <= time.monotonic() - begun < 5
    assert answer.code == 1
    assert answer.err.startswith("web: still stopped after 0.3 s")
    assert Request.objects.get().outcome == ""


@pytest.mark.usefixtures("supervised")
def test_already_so_is_done(agents: Run, make: Make) -> None:
    make("web")
    with meanwhile(is_settled):
        answer = agents("stop", "web", "--wait", "10")
    assert answer.code == 0


@pytest.mark.usefixtures("supervised")
def test_a_later_stop_fails_a_waiting_start_and_says_whose(
    agents: Run, make: Make
) -> None:
    agent = make("web")

    def bob_stops(request: Request) -> None:
        lifecycle.ask(Action.STOP, [agent.pk], Asker("bob", "page"))

    with meanwhile(bob_stops):
        answer = agents("start", "web", "--wait", "10")
    assert answer.code == 1
    assert answer.err == "web: stopped, superseded by bob's stop\n"


@pytest.mark.usefixtures("supervised")
def test_500_agents_are_waited_for_cheaply(agents: Run) -> None:
    Agent.objects.bulk_create(
        Agent(name=f"a{number}", command=["true"]) for number in range(500)
    )

    def all_at_once(request: Request) -> None:
        Request.objects.filter(outcome="").update(
            outcome="done", settled_at=request.at, detail="stopped"
        )

    begun = time.monotonic()
    with meanwhile(all_at_once, requests=500):
        answer = agents("stop", "--all", "--wait", "20")
    assert answer.code == 0
    assert answer.out.startswith("500 asked, 500 already stopped; 500 done in ")
    assert time.monotonic() - begun < 5


# Without a supervisor


@pytest.mark.parametrize("action", ["start", "restart"])
def test_waiting_for_a_start_fails_at_once_without_a_supervisor(
    agents: Run, make: Make, action: str
) -> None:
    make("web")
    begun = time.monotonic()
    answer = agents(action, "web", "--wait", "30")
    assert time.monotonic() - begun < 5
    assert answer.code == 1
    assert answer.err == (
        "web: recorded, but no supervisor is running; start one with `manage.py hub`.\n"
    )
    assert Request.objects.get().outcome == ""


def test_many_starts_without_a_supervisor_are_told_once(
    agents: Run, make: Make
) -> None:
    make("web"), make("api")
    answer = agents("start", "--all", "--wait", "30")
    assert answer.code == 1
    assert answer.err.count("\n") == 1
    assert answer.err.startswith("2 agents: recorded, but no supervisor")


def test_a_start_without_a_supervisor_is_recorded_and_says_so(
    agents: Run, make: Make
) -> None:
    make("web")
    answer = agents("start", "web")
    assert answer.code == 0
    assert "no supervisor is running" in answer.err
    assert Request.objects.get().action == "start"
