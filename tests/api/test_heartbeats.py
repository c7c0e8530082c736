"""Heartbeats through the API: by the run itself, or by who may operate."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from agents.models import Agent, Run
from agents.policy.states import Status
from agents.services import agent_detail
from tests.api.conftest import Program
from tests.api.test_callers import with_token
from tests.harness.recorded import end_of, run_of
from tests.pages.conftest import MakeAgent, make_agent

__all__ = ["make_agent"]

BEAT = "agents/web/heartbeat"


@pytest.fixture
def run(make_agent: MakeAgent) -> Run:
    return run_of(make_agent("web", desired_state="running"))


def test_a_run_says_what_it_does_and_is_told_what_is_wanted(
    run: Run, viewer: Program
) -> None:
    own = with_token(run)
    response = own.post(BEAT, {"activity": "working", "note": "reads"})
    assert response.status_code == 200, response.content
    assert response.json() == {
        "wanted": "run",
        "cancel": [],
        "locks_lost": [],
        "interval": 30.0,
    }
    shape = viewer.get("agents/web").json()
    assert (shape["activity"], shape["activity_note"]) == ("working", "reads")
    assert shape["last_heartbeat_at"] is not None
    Agent.objects.update(desired_state="stopped")
    assert own.post(BEAT).json()["wanted"] == "stop"


def test_a_person_who_may_operate_brings_one_and_it_is_no_line_of_the_audit(
    run: Run, operator: Program, configurer: Program, viewer: Program, stranger: Program
) -> None:
    lines = LogEntry.objects.count()
    for one, status in ((operator, 200), (configurer, 200), (viewer, 403)):
        assert one.post(BEAT, {"activity": "idle"}).status_code == status
    assert stranger.post(BEAT).status_code == 401
    assert LogEntry.objects.count() == lines


def test_a_run_speaks_for_no_other_agent_and_not_after_its_end(
    run: Run, make_agent: MakeAgent
) -> None:
    other = with_token(run_of(make_agent("other"), pid=4243))
    assert other.post(BEAT, {"activity": "idle"}).status_code == 403
    first = with_token(run)
    end_of(run, Status.STOPPED, 0, "it ended")
    second = with_token(run_of(Agent.objects.get(name="web"), pid=4244))
    assert second.post(BEAT, {"activity": "working"}).status_code == 200
    assert first.post(BEAT, {"activity": "idle"}).status_code == 401
    assert Agent.objects.get(name="web").activity == "working"
    # It may name the run that it means, as a person does.
    assert second.post(BEAT, {"run": 2}).status_code == 200
    assert second.post(BEAT, {"run": 1}).status_code == 409


def test_a_run_that_is_over_is_a_conflict(run: Run, operator: Program) -> None:
    assert operator.post(BEAT, {"run": 1}).status_code == 200
    response = operator.post(BEAT, {"run": 2})
    assert (response.status_code, response.json()["type"]) == (
        409,
        "urn:agenthub:problem:conflict",
    )
    own = with_token(run)
    Agent.objects.update(run=None)
    assert own.post(BEAT).status_code == 409
    end_of(run, Status.STOPPED, 0, "it ended")
    assert operator.post(BEAT).status_code == 409
    assert operator.post("agents/nobody/heartbeat").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"activity": "asleep"}, "activity"),
        ({"note": "x" * 201}, "note"),
        ({"note": "a\0b"}, "note"),
        ({"run": 0}, "run"),
        ({"doing": "much"}, "doing"),
    ],
)
def test_what_cannot_be_said_is_refused_by_its_name(
    run: Run, body: Any, field: str
) -> None:
    response = with_token(run).post(BEAT, body)
    assert response.status_code == 422
    assert [one["field"] for one in response.json()["errors"]] == [field]


def test_the_page_of_a_program_shows_what_it_says(run: Run) -> None:
    assert run.agent_id is not None
    vitals = agent_detail.vitals_of(run.agent_id)
    assert vitals is not None and vitals.health.said is None
    with_token(run).post(BEAT, {"activity": "waiting", "note": "for <bob>"})
    vitals = agent_detail.vitals_of(run.agent_id)
    assert vitals is not None and vitals.health.said is not None
    assert (vitals.health.said.label, vitals.health.said.note) == (
        "Waiting",
        "for <bob>",
    )
