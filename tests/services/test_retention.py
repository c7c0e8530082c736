"""What of the past is deleted, what is kept, and that it happens in parts."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.models import Agent, Request, Run, StatusChange, Step, Task
from agents.services import retention, tasks
from agents.services.lifecycle import Asker
from agents.services.tasks import Ask, CannotAsk
from tests.harness.spending import thinker
from tests.services.fleet import make_agent, make_run

pytestmark = pytest.mark.django_db

ASKER = Asker("the test", "test")


def days_ago(days: float) -> datetime:
    return timezone.now() - timedelta(days=days)


def prune(table: Any) -> int:
    """All of a table; how many parts it took."""
    parts, after = 0, retention.prune(table)
    while after is not None:
        parts, after = parts + 1, retention.prune(table, after)
    return parts + 1


def task_of(agent: Agent, days: float, state: str = "succeeded", **more: Any) -> Task:
    """A task with two steps that ended so long ago, or was begun then."""
    at = days_ago(days)
    ended = None if state in ("queued", "running") else at
    task = Task.objects.create(
        agent=agent,
        agent_name=agent.name,
        prompt="Do it.",
        created_by="bob",
        via="page",
        state=state,
        started_at=at,
        ended_at=ended,
        **more,
    )
    for number in (1, 2):
        Step.objects.create(task=task, number=number, kind="note", attempt=1, at=at)
    return task


def changed(agent: Agent | None, days: float) -> StatusChange:
    return StatusChange.objects.create(
        agent=agent,
        agent_name=agent.name if agent else "gone",
        from_status="stopped",
        to_status="running",
        reason="because",
        source="a test",
        at=days_ago(days),
    )


def asked(agent: Agent, generation: int, days: float, outcome: str) -> Request:
    at = days_ago(days)
    return Request.objects.create(
        agent=agent,
        agent_name=agent.name,
        action="start",
        generation=generation,
        actor="bob",
        via="page",
        at=at,
        outcome=outcome,
        settled_at=at if outcome else None,
    )


def left(table: Any) -> set[int]:
    return set(table.objects.values_list("pk", flat=True))


def test_transcripts_of_tasks_that_ended_long_ago_go_and_the_tasks_stay() -> None:
    agent = thinker()
    for state in ("succeeded", "failed", "cancelled", "timed_out"):
        task_of(agent, 91, state)
    young = task_of(agent, 89)
    prune(Step)
    assert set(Step.objects.values_list("task", flat=True)) == {young.pk}
    assert Task.objects.count() == 5


@pytest.mark.parametrize("state", ["interrupted", "running", "queued"])
def test_what_may_go_on_keeps_its_transcript(state: str) -> None:
    task = task_of(thinker(), 400, state)
    prune(Step)
    assert Step.objects.filter(task=task).count() == 2


def test_a_conversation_is_kept_whole_until_all_of_it_is_old() -> None:
    agent, conversation = thinker(), uuid.uuid4()
    task_of(agent, 200, conversation=conversation)
    newest = task_of(agent, 10, conversation=conversation)
    prune(Step)
    assert Step.objects.count() == 4
    Task.objects.filter(pk=newest.pk).update(ended_at=days_ago(95))
    Step.objects.update(at=days_ago(95))
    prune(Step)
    assert not Step.objects.exists()


def test_nobody_goes_on_from_what_is_forgotten_without_being_told() -> None:
    agent = thinker()
    task = task_of(agent, 91)
    follow_up = Ask("And then?", follows=task.pk)
    prune(Step)
    with pytest.raises(CannotAsk, match="is not kept any more"):
        tasks.ask(agent.pk, follow_up, ASKER)
    kept = task_of(agent, 89)
    asked_on, _ = tasks.ask(agent.pk, Ask("And then?", follows=kept.pk), ASKER)
    assert asked_on.conversation == kept.conversation


def test_an_agents_latest_change_of_status_is_kept_however_old() -> None:
    agent, idle = make_agent(), make_agent("idle")
    changed(agent, 300)
    changed(agent, 95)
    changed(None, 91)
    kept = {changed(idle, 400), changed(agent, 89), changed(None, 89)}
    prune(StatusChange)
    assert left(StatusChange) == {one.pk for one in kept}


def test_settled_requests_go_and_open_ones_never() -> None:
    agent, idle = make_agent(), make_agent("idle")
    asked(agent, 1, 300, "done")
    asked(agent, 2, 91, "superseded")
    kept = {
        asked(agent, 3, 91, ""),
        asked(agent, 4, 89, "failed"),
        asked(idle, 1, 300, "done"),
    }
    prune(Request)
    assert left(Request) == {one.pk for one in kept}


def test_much_is_deleted_in_parts_and_what_is_young_is_not_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "PART", 3)
    agent = make_agent()
    for days in (*range(200, 190, -1), *range(20, 0, -1)):
        changed(agent, days)
    after = retention.prune(StatusChange)
    assert StatusChange.objects.count() == 27, "three are looked at, and go"
    assert after is not None
    assert prune(StatusChange) == 3, "seven that are old, and none beyond their part"
    assert StatusChange.objects.count() == 20
    assert retention.prune(StatusChange) is None


class TestRuns:
    def past(self, *runs: Run) -> dict[str, bool]:
        return retention.past_runs([run.folder for run in runs])

    def test_ended_runs_are_past_after_30_days_and_the_latest_is_said(self) -> None:
        agent, other = make_agent(), make_agent("other")
        old = make_run(agent, 1, ended_at=days_ago(60))
        young = make_run(agent, 2, ended_at=days_ago(29))
        latest = make_run(other, 1, ended_at=days_ago(31))
        assert self.past(old, young, latest) == {old.folder: False, latest.folder: True}

    def test_they_are_found_without_reading_all_runs(self) -> None:
        if connection.vendor != "sqlite":
            pytest.skip("only SQLite explains itself in these words")
        folders = [f"worker/{n:06d}-{uuid.uuid4().hex[:8]}" for n in range(100)]
        with CaptureQueriesContext(connection) as asked:
            retention.past_runs(folders)
        (query,) = asked.captured_queries
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
            plan = [str(row[-1]) for row in cursor.fetchall()]
        assert not [step for step in plan if step.startswith("SCAN")], plan

    def test_a_live_run_is_never_past(self) -> None:
        live = make_run(make_agent(), 1)
        Run.objects.update(created_at=days_ago(400), started_at=days_ago(400))
        assert self.past(live) == {}

    def test_what_a_deleted_agent_left_has_no_latest(self) -> None:
        agent = make_agent()
        run = make_run(agent, 1, ended_at=days_ago(31))
        agent.delete()
        assert self.past(run) == {run.folder: False}

    def test_a_folder_that_no_run_is_known_of_is_left_alone(self) -> None:
        run = make_run(make_agent(), 1, ended_at=days_ago(31))
        twin = run.folder.replace("worker/", "other/")
        strange = [twin, "worker/notes", "worker/000001-xyz", "worker/000001-"]
        assert retention.past_runs(strange) == {}
        assert retention.past_runs([]) == {}
