"""Requests are settled once and in their own way, and a fleet in few queries."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Agent, Request, Run, StatusChange
from agents.policy.states import Action, Outcome, Status
from agents.services import recording
from agents.services.recording import (
    Settlement,
)
from tests.services.fleet import ask, make_agent, make_fleet
from tests.services.steps import opened, outcomes, seen, step

pytestmark = pytest.mark.django_db


# Settlement


def test_a_settled_request_has_its_outcome_detail_and_time() -> None:
    agent = make_agent()
    ask(Action.START, agent)
    end = Settlement(1, Outcome.FAILED, "program not found")
    recording.record([step(agent, seen(Status.CRASHED, generation=1), settled=end)])
    assert outcomes() == [(1, "failed", "program not found")]
    assert Request.objects.get().settled_at is not None


def test_a_later_request_stays_open() -> None:
    """It came while the supervisor was busy with the one before."""
    agent = make_agent()
    ask(Action.START, agent)
    ask(Action.RESTART, agent)
    end = Settlement(1, Outcome.DONE, "running")
    recording.record([step(agent, seen(Status.STARTING, generation=1), settled=end)])
    assert outcomes() == [(1, "superseded", "superseded by bob's restart"), (2, "", "")]


def test_a_request_is_settled_once() -> None:
    agent = make_agent()
    ask(Action.START, agent)
    first = Settlement(1, Outcome.DONE, "first")
    recording.record([step(agent, seen(Status.STARTING), settled=first)])
    agent.status = "starting"
    second = replace(first, outcome=Outcome.FAILED, detail="second")
    recording.record([step(agent, seen(Status.STARTING), settled=second)])
    assert outcomes() == [(1, "done", "first")]


def test_each_agents_request_is_settled_in_its_own_way() -> None:
    one, two, untold = make_fleet(3)
    ask(Action.START, one, two, untold)
    recording.record([
        step(one, seen(Status.STARTING), settled=Settlement(1, Outcome.DONE, "pid 1")),
        step(two, seen(Status.CRASHED), settled=Settlement(1, Outcome.FAILED, "no")),
        step(untold, seen(Status.STARTING)),
    ])  # fmt: skip
    assert outcomes() == [(1, "done", "pid 1"), (1, "failed", "no"), (1, "", "")]


# Many


def test_a_fleet_is_recorded_in_few_queries() -> None:
    """Each with a run, a line of the history and an outcome of its own."""

    def record(fleet: list[Agent]) -> int:
        ask(Action.START, *fleet)
        steps = []
        for number, agent in enumerate(fleet):
            run = opened(agent)
            after = seen(Status.STARTING, run_id=run.id, generation=1)
            end = Settlement(1, Outcome.DONE, f"running as pid {number}")
            steps.append(step(agent, after, opened=run, settled=end))
        with CaptureQueriesContext(connection) as queries:
            recording.record(steps)
        return len(queries)

    few, many = make_fleet(49)[:1], list(Agent.objects.all())[1:]
    assert record(many) <= record(few) + 3 <= 12
    assert Agent.objects.filter(status="starting").count() == 49
    assert Run.objects.count() == StatusChange.objects.count() == 49
    assert (
        Request.objects.filter(outcome="done").values("detail").distinct().count() == 48
    )
