"""What is measured: stored in one go, without a line in any history."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Agent, Change
from agents.services import measures
from agents.services.measures import Sample
from tests.services.fleet import make_fleet, make_run

pytestmark = pytest.mark.django_db

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def sample(pk: int, percent: float = 1.5) -> Sample:
    return Sample(pk, percent, 4096, 2, [[percent, 4096]], 7, AT, None)


def test_samples_are_stored_without_being_news() -> None:
    one, other = make_fleet(2, status="running", status_reason="stays")
    measures.save_samples([sample(one.pk), sample(other.pk, 0.0), sample(10**9)])
    found = Agent.objects.get(pk=one.pk)
    assert (found.cpu_percent, found.rss_bytes, found.processes) == (1.5, 4096, 2)
    assert (found.samples, found.status_reason) == ([[1.5, 4096]], "stays")
    assert (found.open_files, found.last_output_at) == (7, AT)
    assert (found.last_progress_at, found.last_heartbeat_at) == (None, None)
    assert Agent.objects.get(pk=other.pk).cpu_percent == 0.0
    assert not Change.objects.exists()
    measures.save_samples([])


def test_many_samples_are_one_statement() -> None:
    fleet = make_fleet(40)
    with CaptureQueriesContext(connection) as queries:
        measures.save_samples([sample(agent.pk) for agent in fleet])
    assert len([q for q in queries if "UPDATE" in q["sql"]]) == 1


def test_probes_and_heartbeats_are_stored_only_where_there_are_any() -> None:
    one, other = make_fleet(2)
    states = [{"name": "web", "type": "http", "state": "passing"}]
    measures.save_samples([], [(one.pk, states)], [(other.pk, AT)])
    one.refresh_from_db()
    other.refresh_from_db()
    assert (one.probe_states, one.last_heartbeat_at) == (states, None)
    assert (other.probe_states, other.last_heartbeat_at) == ([], AT)


def test_only_heartbeats_of_these_runs_are_found() -> None:
    agents = make_fleet(3, last_heartbeat_at=AT)
    runs = [make_run(agent) for agent in agents]
    for agent, run, said in zip(agents, runs, (runs[0], runs[1], None), strict=True):
        Agent.objects.filter(pk=agent.pk).update(
            run=run, heartbeat_run=said and said.pk
        )
    asked = [runs[0].pk, runs[2].pk]
    assert measures.heartbeats(asked) == {runs[0].pk: AT}
    # What an earlier run said last is no sign of life of this one.
    later = make_run(agents[0], 2, ended_at=AT)
    Agent.objects.filter(pk=agents[0].pk).update(run=later)
    assert measures.heartbeats([runs[0].pk, later.pk]) == {}
