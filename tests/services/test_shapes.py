"""What programs read: the exact keys of the contract, and times that all can parse."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone as django_timezone

from agents.models import Agent, Node, Request, StatusChange
from agents.policy.clock import boot_id
from agents.policy.states import Action, Status
from agents.services import nodes, shapes
from tests.services.fleet import ask, make_agent, make_run, settle

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

# The design's contract says "at least": what is more stands in a line of its own.
AGENT = """
    name kind adapter role labels desired_state generation status status_since reason
    conditions pid run restart_count restarts_total started_at stopped_at uptime
    last_heartbeat_at activity cpu_percent rss_bytes node
"""
AGENT_TOO = """
    capabilities observed_generation revision run_revision source retry_at processes
    open_files last_output_at last_progress_at probes depends_on activity_note
"""
RUN = "number id pid started_at ended_at exit_code reason restart_number adopted"
RUN_TOO = "agent generation revision exited_at"
CHANGE = "at from to reason source actor run"
NODE = "name state degraded agents pid epoch last_seen_at lease_until"
REQUEST = "id agent action generation actor via reason at outcome detail settled_at"
SUMMARY = """
    total_agents running_agents running_agent_names status_counts supervisor_running
    degraded brake
"""


def keys(*words: str) -> set[str]:
    return set(" ".join(words).split())


def as_json(shape: dict[str, Any]) -> Any:
    """As a program gets it: nothing in a shape needs a helping hand."""
    return json.loads(json.dumps(shape, allow_nan=False))


# Times


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (None, None),
        (AT, "2026-01-02T03:04:05Z"),
        (AT.replace(microsecond=60), "2026-01-02T03:04:05.000060Z"),
        (AT.astimezone(timezone(timedelta(hours=5.5))), "2026-01-02T03:04:05Z"),
    ],
)
def test_times_are_utc_and_say_so(moment: datetime | None, text: str | None) -> None:
    assert shapes.utc(moment) == text


@pytest.mark.parametrize(
    ("status", "seconds"),
    [
        (Status.RUNNING, 90.5),
        (Status.STARTING, 90.5),
        (Status.STOPPING, 90.5),
        (Status.UNKNOWN, 90.5),
        (Status.STOPPED, None),
        (Status.CRASHED, None),
        (Status.BACKOFF, None),
    ],
)
def test_only_what_may_be_alive_has_an_uptime(
    status: Status, seconds: float | None
) -> None:
    agent = Agent(status=status, started_at=AT)
    assert shapes.uptime(agent, AT + timedelta(seconds=90.5)) == seconds


def test_an_uptime_is_never_negative() -> None:
    """The wall clock may have been set back."""
    agent = Agent(status="running", started_at=AT)
    assert shapes.uptime(agent, AT - timedelta(hours=1)) == 0.0
    agent.started_at = None
    assert shapes.uptime(agent, AT) is None


# Agents


@pytest.mark.django_db
def test_a_new_agent_has_every_key_of_the_contract() -> None:
    make_agent(role="sleeps", labels={"team": "search"}, capabilities=["review"])
    shape = as_json(shapes.agent_shape(Agent.objects.select_related("run").get()))
    assert shape.keys() == keys(AGENT, AGENT_TOO)
    assert shape["name"] == "worker"
    assert (shape["kind"], shape["adapter"]) == ("process_wrapper", "command")
    assert (shape["labels"], shape["capabilities"]) == ({"team": "search"}, ["review"])
    assert (shape["status"], shape["reason"]) == ("stopped", "never started")
    unknown = "pid run run_revision uptime cpu_percent rss_bytes processes started_at"
    assert {shape[key] for key in keys(unknown)} == {None}


@pytest.mark.django_db
def test_a_running_agent_says_what_it_does() -> None:
    agent = make_agent()
    ask(Action.START, agent)
    run = make_run(agent, 4)
    since = django_timezone.now() - timedelta(seconds=30)
    settle(
        agent, status="running", run=run, pid=42, started_at=since, cpu_percent=1.5,
        rss_bytes=4096, restart_count=1, restarts_total=7,
        conditions=[{"type": "degraded", "since": "…", "reason": "slow"}],
    )  # fmt: skip
    shape = as_json(shapes.agent_shape(Agent.objects.select_related("run").get()))
    assert (shape["run"], shape["pid"], shape["desired_state"]) == (4, 42, "running")
    assert (shape["generation"], shape["observed_generation"]) == (1, 1)
    assert (shape["restart_count"], shape["restarts_total"]) == (1, 7)
    assert (shape["cpu_percent"], shape["rss_bytes"]) == (1.5, 4096)
    assert 30 <= shape["uptime"] < 60
    assert shape["started_at"] == shapes.utc(since)
    assert shape["conditions"][0]["type"] == "degraded"


@pytest.mark.django_db
def test_an_agents_environment_is_in_no_shape() -> None:
    make_agent(env={"API_KEY": "sk-123", "PLAIN": "also-private"})
    text = json.dumps(shapes.agent_shape(Agent.objects.get()))
    assert "sk-123" not in text
    assert "also-private" not in text


# Runs, history, requests


@pytest.mark.django_db
def test_a_run_has_every_key_of_the_contract() -> None:
    run = make_run(
        make_agent(), 3, pid=42, start_ticks=7, started_at=AT, exited_at=AT,
        ended_at=AT, exit_code=137, reason="ended by signal KILL", restart_number=2,
        adopted=True,
    )  # fmt: skip
    shape = as_json(shapes.run_shape(run))
    assert shape.keys() == keys(RUN, RUN_TOO)
    assert (shape["number"], shape["id"]) == (3, str(run.id))
    assert (shape["exit_code"], shape["ended_at"]) == (137, "2026-01-02T03:04:05Z")
    assert (shape["restart_number"], shape["adopted"]) == (2, True)


@pytest.mark.django_db
def test_a_line_of_the_history_has_every_key_of_the_contract() -> None:
    agent = make_agent()
    line = StatusChange.objects.create(
        agent=agent,
        agent_name="worker",
        from_status="running",
        to_status="backoff",
        reason="exited with 1",
        source="exit status",
        actor="",
        run=make_run(agent, 5),
        at=AT,
    )
    shape = as_json(shapes.status_change_shape(line))
    assert shape.keys() == keys(CHANGE, "agent")
    assert (shape["from"], shape["to"], shape["run"]) == ("running", "backoff", 5)
    line.run = None
    assert shapes.status_change_shape(line)["run"] is None


@pytest.mark.django_db
def test_a_request_says_what_became_of_it() -> None:
    agent = make_agent()
    ask(Action.START, agent)
    shape = as_json(shapes.request_shape(Request.objects.get()))
    assert shape.keys() == keys(REQUEST)
    assert (shape["outcome"], shape["settled_at"]) == ("open", None)
    settle(agent)
    assert shapes.request_shape(Request.objects.get())["outcome"] == "done"


# Nodes


@pytest.mark.django_db
@pytest.mark.usefixtures("data")
def test_a_node_has_every_key_and_is_what_it_was_last_heard_of() -> None:
    nodes.take("local", boot_id(), 77)
    shape = as_json(shapes.node_shape(Node.objects.get(), 3))
    assert shape.keys() == keys(NODE)
    assert (shape["name"], shape["state"], shape["agents"]) == ("local", "present", 3)
    assert shape["lease_until"] > shape["last_seen_at"]


# The summary


@pytest.mark.django_db
def test_a_summary_of_nothing_has_every_key_and_every_status() -> None:
    shape = as_json(shapes.summary_shape())
    assert shape.keys() == keys(SUMMARY)
    assert shape["status_counts"] == {status.value: 0 for status in Status}
    assert shape["running_agent_names"] == []
    assert shape["supervisor_running"] is False


@pytest.mark.django_db
def test_a_summary_counts_every_agent_once() -> None:
    for name, status in [
        ("c", "running"), ("a", "running"), ("b", "crashed"), ("d", "stopped"),
        ("e", "starting"),
    ]:  # fmt: skip
        make_agent(name, status=status)
    nodes.take("local", "boot", 1)
    shape = shapes.summary_shape()
    assert (shape["total_agents"], shape["running_agents"]) == (5, 2)
    assert shape["running_agent_names"] == ["a", "c"]
    assert sum(shape["status_counts"].values()) == 5
    assert shape["status_counts"]["crashed"] == 1
    assert shape["supervisor_running"] is True


@pytest.mark.django_db
def test_a_summary_of_many_is_three_queries() -> None:
    for number in range(30):
        make_agent(f"worker-{number}")
    with CaptureQueriesContext(connection) as queries:
        shapes.summary_shape()
    assert len(queries) == 3
