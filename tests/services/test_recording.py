"""Recording: what the supervisor saw, many agents at once, all of it or nothing."""

from __future__ import annotations

import uuid
from dataclasses import fields
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.models import Agent, Run, StatusChange
from agents.policy.clock import Moment
from agents.policy.states import Action, ImpossibleChange, Outcome, Status
from agents.services import recording
from agents.services.recording import (
    Condition,
    LostRow,
    RunChange,
    RunOpened,
    Settlement,
    Step,
)
from tests.services.fleet import ask, make_agent, make_fleet, make_run
from tests.services.steps import AT, changes, opened, outcomes, seen, step

pytestmark = pytest.mark.django_db


# What a step writes


def test_everything_that_is_seen_is_written() -> None:
    agent = make_agent(generation=4)
    run = make_run(agent)
    after = seen(
        Status.STARTING,
        conditions=(Condition("degraded", "2026-01-01T00:00:00Z", "slow"),),
        generation=3,
        run_id=run.pk,
        run_revision=2,
        pid=42,
        restart_count=1,
        restarts_total=9,
        exits_boot="boot",
        recent_exits=(1.5, 2.5),
        started_at=AT,
        stopped_at=AT + timedelta(seconds=1),
        retry_at=AT + timedelta(seconds=2),
        retry=Moment("boot", 7.25),
    )
    recording.record([step(agent, after)])
    found = Agent.objects.get()
    assert (found.status, found.status_since) == ("starting", AT)
    assert (found.status_reason, found.status_source) == ("because", "a test")
    assert found.conditions == [
        {"type": "degraded", "since": "2026-01-01T00:00:00Z", "reason": "slow"}
    ]
    assert (found.observed_generation, found.generation) == (3, 4)
    assert (found.run, found.run_revision, found.pid) == (run, 2, 42)
    assert (found.restart_count, found.restarts_total) == (1, 9)
    assert found.recent_exits == ["boot", 1.5, 2.5]
    assert (found.started_at, found.stopped_at) == (AT, AT + timedelta(seconds=1))
    assert found.retry_at == AT + timedelta(seconds=2)
    assert (found.retry_boot, found.retry_boot_seconds) == ("boot", 7.25)


def test_what_is_not_seen_any_more_is_cleared() -> None:
    agent = make_agent(
        status="stopping", pid=42, retry_boot="boot", retry_boot_seconds=1.0,
        conditions=[{"type": "unkillable", "since": "", "reason": ""}],
    )  # fmt: skip
    recording.record([step(agent, seen(Status.STOPPED))])
    found = Agent.objects.get()
    assert (found.pid, found.run, found.conditions) == (None, None, [])
    assert (found.retry_boot, found.retry_boot_seconds) == ("", None)


def test_nothing_that_people_write_is_touched() -> None:
    agent = make_agent(role="stays", wanted_by="bob", desired_state="running")
    recording.record([step(agent, seen(Status.STARTING))])
    found = Agent.objects.get()
    assert (found.role, found.wanted_by, found.desired_state) == (
        "stays",
        "bob",
        "running",
    )


def test_nothing_to_record_asks_nothing_of_the_database() -> None:
    with CaptureQueriesContext(connection) as queries:
        recording.record([])
    assert len(queries) == 0


def test_every_step_is_news_of_its_agent() -> None:
    one, other = make_fleet(2)
    recording.record(
        [step(one, seen(Status.STARTING)), step(other, seen(Status.STOPPED))]
    )
    assert changes() == [("agent", one.pk), ("agent", other.pk)]


# The history


def test_a_change_of_status_is_a_line_of_the_history() -> None:
    agent = make_agent()
    run = opened(agent)
    after = seen(Status.STARTING, run_id=run.id)
    recording.record([step(agent, after, actor="bob", opened=run)])
    (line,) = StatusChange.objects.all()
    assert (line.agent, line.agent_name) == (agent, "worker")
    assert (line.from_status, line.to_status) == ("stopped", "starting")
    assert (line.reason, line.source, line.actor) == ("because", "a test", "bob")
    assert (line.run_id, line.at) == (run.id, AT)


def test_where_the_status_stays_there_is_no_line() -> None:
    agent = make_agent(status="running")
    recording.record([step(agent, seen(Status.RUNNING, pid=7))])
    assert not StatusChange.objects.exists()
    assert changes() == [("agent", agent.pk)]


def test_a_note_is_a_line_though_the_status_stays_and_has_its_own_time() -> None:
    agent = make_agent(status="running")
    begun = timezone.now()
    recording.record([step(agent, seen(Status.RUNNING, reason="adopted"), note=True)])
    (line,) = StatusChange.objects.all()
    assert (line.from_status, line.to_status) == ("running", "running")
    assert (line.reason, line.at >= begun) == ("adopted", True)


# Runs


def test_a_run_is_there_before_its_process() -> None:
    agent = make_agent()
    run = opened(agent, 7, restart_number=2)
    after = seen(Status.STARTING, run_id=run.id)
    recording.record([step(agent, after, opened=run)])
    found = Run.objects.get()
    assert {f.name for f in fields(RunOpened)} <= {
        f.attname for f in Run._meta.concrete_fields
    }
    for field in fields(RunOpened):
        assert getattr(found, field.name) == getattr(run, field.name), field.name
    assert (found.pid, found.started_at, found.ended_at) == (None, None, None)
    assert found.folder == run.folder
    assert Agent.objects.get().run == found


def test_one_run_is_closed_and_the_next_opened_in_one_step() -> None:
    """An agent has at most one open run, also in the middle of a transaction."""
    agent = make_agent(status="running")
    last, following = make_run(agent, 1), opened(agent, 2)
    closing = RunChange(last.pk, {"ended_at": AT, "exit_code": 7, "reason": "done"})
    after = seen(Status.STARTING, run_id=following.id)
    recording.record([step(agent, after, opened=following, run_changes=(closing,))])
    last.refresh_from_db()
    assert (last.ended_at, last.exit_code, last.reason) == (AT, 7, "done")
    assert Run.objects.get(ended_at=None).pk == following.id


def test_runs_with_different_columns_are_changed_together() -> None:
    one, other = make_fleet(2, status="running")
    runs = [make_run(one), make_run(other)]
    recording.record([
        step(one, seen(Status.RUNNING), run_changes=(
            RunChange(runs[0].pk, {"adopted": True}),
            RunChange(runs[0].pk, {"pid": 7, "start_ticks": 70}),
        )),
        step(other, seen(Status.RUNNING), run_changes=(
            RunChange(runs[1].pk, {"pid": 8, "start_ticks": 80}),
        )),
    ])  # fmt: skip
    found = [
        (run.adopted, run.pid, run.start_ticks) for run in Run.objects.order_by("pid")
    ]
    assert found == [(True, 7, 70), (False, 8, 80)]


def test_a_second_live_run_cannot_be_opened() -> None:
    agent = make_agent(status="running")
    make_run(agent, 1)
    second = opened(agent, 2)
    with pytest.raises(IntegrityError):
        recording.record([step(agent, seen(Status.STARTING), opened=second)])


# Several steps of one agent


def test_an_exit_and_the_restart_that_follows_are_one_transaction() -> None:
    """Nobody ever sees the moment between them, and the history has both."""
    agent = make_agent(status="running", generation=1)
    last, following = make_run(agent, 1), opened(agent, 2, restart_number=1)
    ended = RunChange(last.pk, {"ended_at": AT, "exit_code": 1})
    recording.record([
        step(agent, seen(Status.BACKOFF, run_id=last.pk), run_changes=(ended,)),
        Step(agent.pk, agent.name, Status.BACKOFF, seen(
            Status.STARTING, run_id=following.id, restart_count=1), opened=following),
        Step(agent.pk, agent.name, Status.STARTING, seen(
            Status.RUNNING, run_id=following.id, restart_count=1, pid=8),
            run_changes=(RunChange(following.id, {"pid": 8, "start_ticks": 80}),)),
    ])  # fmt: skip
    found = Agent.objects.get()
    assert (found.status, found.pid, found.restart_count) == ("running", 8, 1)
    assert [run.pid for run in Run.objects.filter(ended_at=None)] == [8]
    lines = StatusChange.objects.order_by("pk").values_list("from_status", "to_status")
    assert list(lines) == [
        ("running", "backoff"),
        ("backoff", "starting"),
        ("starting", "running"),
    ]
    assert changes() == [("agent", agent.pk)]


def test_a_step_departs_from_where_the_one_before_it_ended() -> None:
    agent = make_agent(status="running")
    steps = [step(agent, seen(Status.BACKOFF)), step(agent, seen(Status.STOPPING))]
    with pytest.raises(ImpossibleChange, match="worker: a step departs from running"):
        recording.record(steps)
    nothing_was_written(agent)


def test_of_two_outcomes_for_one_request_the_first_counts() -> None:
    agent = make_agent()
    ask(Action.START, agent)
    recording.record([
        step(agent, seen(Status.STARTING), settled=Settlement(1, Outcome.DONE, "ran")),
        Step(agent.pk, agent.name, Status.STARTING, seen(Status.CRASHED),
             settled=Settlement(1, Outcome.FAILED, "fell")),
    ])  # fmt: skip
    assert outcomes() == [(1, "done", "ran")]


# All of it or nothing


def nothing_was_written(*agents: Agent) -> None:
    for agent in agents:
        assert Agent.objects.get(pk=agent.pk).status == agent.status
    assert not StatusChange.objects.exists()
    assert changes() == []


def test_a_row_that_somebody_else_changed_stops_everything() -> None:
    good, lost = make_fleet(2)
    Agent.objects.filter(pk=lost.pk).update(status="unknown")
    lost.status = "unknown"
    run = opened(good)
    stale = Step(lost.pk, lost.name, Status.STOPPED, seen(Status.STARTING))
    with pytest.raises(
        LostRow, match="1 of these agents changed: worker-000, worker-001"
    ):
        recording.record([step(good, seen(Status.STARTING), opened=run), stale])
    nothing_was_written(good, lost)
    assert not Run.objects.exists()


def test_an_agent_that_is_gone_is_a_lost_row() -> None:
    agent = make_agent()
    gone = Step(agent.pk + 1, "gone", Status.STOPPED, seen(Status.STARTING))
    with pytest.raises(LostRow, match="gone"):
        recording.record([step(agent, seen(Status.STARTING)), gone])
    nothing_was_written(agent)


def test_a_run_that_is_gone_is_a_lost_row() -> None:
    agent = make_agent(status="running")
    missing = RunChange(uuid.uuid4(), {"ended_at": AT})
    with pytest.raises(LostRow, match="1 of 1 runs are gone"):
        recording.record([step(agent, seen(Status.STOPPED), run_changes=(missing,))])
    nothing_was_written(agent)


def test_an_impossible_change_is_refused_before_anything_is_written() -> None:
    good, bad = make_agent("good"), make_agent("bad")
    impossible = step(bad, seen(Status.RUNNING))
    with (
        CaptureQueriesContext(connection) as queries,
        pytest.raises(ImpossibleChange, match="stopped to running"),
    ):
        recording.record([step(good, seen(Status.STARTING)), impossible])
    assert len(queries) == 0
    nothing_was_written(good, bad)


def test_more_cannot_be_settled_than_was_asked() -> None:
    agent = make_agent(generation=1)
    with pytest.raises(IntegrityError, match="agent_settles_only_what_was_asked"):
        recording.record([step(agent, seen(Status.STOPPED, generation=2))])
