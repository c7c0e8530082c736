"""Requests, runs, changes and nodes: what the database itself does not allow."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import IntegrityError
from django.utils import timezone

from agents.models import Agent, Change, Node, Request, Run, StatusChange
from agents.models.run import run_folder

pytestmark = pytest.mark.django_db


@pytest.fixture
def worker() -> Agent:
    return Agent.objects.create(name="worker", command=["sleep", "60"])


def make_request(agent: Agent | None, generation: int = 1, **values: Any) -> Request:
    return Request.objects.create(
        agent=agent,
        agent_name="worker",
        action="start",
        generation=generation,
        actor="bob",
        via="page",
        **values,
    )


def make_run(agent: Agent | None, number: int = 1, **values: Any) -> Run:
    return Run.objects.create(
        agent=agent,
        agent_name="worker",
        number=number,
        generation=1,
        revision=1,
        boot="boot",
        created_at=timezone.now(),
        **values,
    )


# Requests


def test_a_generation_is_asked_once(worker: Agent) -> None:
    make_request(worker)
    with pytest.raises(IntegrityError, match=r"agent_id, .*generation"):
        make_request(worker)


def test_an_idempotency_key_is_used_once_for_each_agent(worker: Agent) -> None:
    other = Agent.objects.create(name="other", command=["true"])
    make_request(worker, 1, idempotency_key="k")
    make_request(other, 1, idempotency_key="k")
    with pytest.raises(IntegrityError, match=r"agent_id, .*idempotency_key"):
        make_request(worker, 2, idempotency_key="k")


def test_no_idempotency_key_is_no_key(worker: Agent) -> None:
    make_request(worker, 1)
    make_request(worker, 2)
    assert Request.objects.filter(idempotency_key="").count() == 2


@pytest.mark.parametrize(
    ("outcome", "settled"),
    [("", True), ("done", False), ("failed", False), ("superseded", False)],
)
def test_a_settled_request_has_a_time_and_an_open_one_has_none(
    worker: Agent, outcome: str, settled: bool
) -> None:
    at = timezone.now() if settled else None
    with pytest.raises(IntegrityError, match="request_settled_has_time"):
        make_request(worker, outcome=outcome, settled_at=at)


# Runs


def test_an_agent_has_one_live_run(worker: Agent) -> None:
    make_run(worker, 1)
    with pytest.raises(IntegrityError, match=r"agents_run\.agent_id"):
        make_run(worker, 2)


def test_the_next_run_may_begin_when_the_last_has_ended(worker: Agent) -> None:
    make_run(worker, 1, ended_at=timezone.now())
    make_run(worker, 2)
    assert worker.runs.count() == 2


def test_a_run_number_is_used_once(worker: Agent) -> None:
    make_run(worker, 1, ended_at=timezone.now())
    with pytest.raises(IntegrityError, match=r"agents_run\.number"):
        make_run(worker, 1)


def test_a_pid_alone_names_no_process(worker: Agent) -> None:
    with pytest.raises(IntegrityError, match="run_pid_has_ticks"):
        make_run(worker, pid=4242)


def test_runs_of_deleted_agents_do_not_stand_in_each_others_way() -> None:
    """Two deleted agents of one name: both runs 1 stay, even if both never ended."""
    make_run(None, 1)
    make_run(None, 1)
    assert Run.objects.count() == 2


def test_the_folders_of_two_agents_of_one_name_are_apart() -> None:
    first, second = uuid.uuid4(), uuid.uuid4()
    folders = [run_folder("web", 1, first), run_folder("web", 1, second)]
    assert folders[0] != folders[1]
    assert folders[0] == f"web/000001-{first.hex[:8]}"
    assert make_run(None, 7, id=first).folder == f"worker/000007-{first.hex[:8]}"


def test_folders_sort_as_their_numbers_do() -> None:
    names = [run_folder("web", number, uuid.uuid4()) for number in (9, 10, 99, 100)]
    assert names == sorted(names)


# History outlives its agent


def test_what_happened_stays_when_its_agent_is_deleted(worker: Agent) -> None:
    run = make_run(worker, ended_at=timezone.now())
    make_request(worker)
    StatusChange.objects.create(
        agent=worker,
        agent_name="worker",
        from_status="stopped",
        to_status="starting",
        reason="start asked by bob",
        source="request",
        run=run,
        at=timezone.now(),
    )
    Agent.objects.filter(pk=worker.pk).update(run=run)
    worker.delete()
    assert [str(one) for one in Run.objects.all()] == ["worker run 1"]
    assert [str(one) for one in Request.objects.all()] == ["start worker #1"]
    assert [str(one) for one in StatusChange.objects.all()] == [
        "worker: stopped to starting"
    ]


def test_a_run_that_is_deleted_leaves_its_agent(worker: Agent) -> None:
    run = make_run(worker, ended_at=timezone.now())
    Agent.objects.filter(pk=worker.pk).update(run=run)
    run.delete()
    assert Agent.objects.get().run is None


# Order


def test_the_newest_stands_first(worker: Agent) -> None:
    make_run(worker, 1, ended_at=timezone.now())
    make_run(worker, 2)
    make_request(worker, 1)
    make_request(worker, 2)
    assert [run.number for run in worker.runs.all()] == [2, 1]
    assert [one.generation for one in worker.requests.all()] == [2, 1]


def test_a_seq_is_never_used_again() -> None:
    first = Change.objects.create(topic="agent", agent_id=1)
    Change.objects.all().delete()
    second = Change.objects.create(topic="agent", agent_id=1)
    assert second.seq > first.seq
    assert str(second) == f"{second.seq} agent"


def test_a_node_has_one_row() -> None:
    assert str(Node.objects.create(name="local")) == "local"
    with pytest.raises(IntegrityError, match=r"agents_node\.name"):
        Node.objects.create(name="local")
