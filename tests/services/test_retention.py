"""What of the past is deleted, what is kept, and that it happens in parts."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.models import (
    Agent,
    Arrival,
    Barrier,
    Batch,
    BatchItem,
    ExpectedArrival,
    FileLock,
    LockClaim,
    LockSpace,
    Request,
    Round,
    Run,
    StatusChange,
    Step,
    Task,
)
from agents.services import barriers, phase_steps, retention, tasks
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


def batch_of(days: float, state: str = "done", items: int = 2) -> Batch:
    """A batch that was made so long ago, and is over for as long."""
    at = days_ago(days)
    over = None if state == "running" else at
    batch = Batch.objects.create(
        action="stop",
        at_once=5,
        patience=60,
        created_by="bob",
        via="page",
        state=state,
        created_at=at,
        ended_at=over,
    )
    for number in range(items):
        BatchItem.objects.create(
            batch=batch,
            position=number,
            agent_name=f"worker-{number}",
            state="waiting" if over is None else "done",
            ended_at=over,
        )
    return batch


def prune_all() -> None:
    for table in retention.TABLES:
        prune(table)


def test_batches_that_were_over_long_ago_go_with_their_items(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "PART", 3)
    for state in ("done", "cancelled"):
        batch_of(91, state, items=4)
    kept = {batch_of(400, "running"), batch_of(91, items=0), batch_of(89)}
    just_over = batch_of(91)
    Batch.objects.filter(pk=just_over.pk).update(ended_at=days_ago(89))
    kept.add(just_over)
    kept.discard(Batch.objects.get(items=None))
    prune_all()
    assert left(Batch) == {one.pk for one in kept}
    assert set(BatchItem.objects.values_list("batch", flat=True)) == left(Batch)


class TestRounds:
    def round_of(self, barrier: Barrier, generation: int, days: float) -> Round:
        """One that has tripped so long ago, by one agent and its work."""
        at = days_ago(days)
        one = Round.objects.create(
            barrier=barrier,
            generation=generation,
            state="tripped",
            began_at=at,
            ended_at=at,
        )
        Arrival.objects.create(round=one, agent_name="web", at=at)
        ExpectedArrival.objects.create(
            barrier=barrier,
            generation=generation,
            agent_name="web",
            state="arrived",
            at=at,
        )
        return one

    def test_old_rounds_go_and_the_one_that_a_barrier_is_at_stays(self) -> None:
        barrier, _ = barriers.make("built", 1, by="bob")
        for generation in (1, 2):
            self.round_of(barrier, generation, 91)
        kept = {self.round_of(barrier, 3, 89), self.round_of(barrier, 4, 400)}
        Barrier.objects.update(generation=4)
        prune_all()
        assert left(Round) == {one.pk for one in kept}
        for table in (Arrival, ExpectedArrival):
            assert table.objects.count() == 2
        assert barriers.standing("built").state == "tripped"

    def test_a_round_that_work_still_waits_for_stays(self) -> None:
        barrier, _ = barriers.make("built", 1, by="bob")
        one = self.round_of(barrier, 1, 91)
        self.round_of(barrier, 2, 91)
        waiting = task_of(thinker(), 91, "queued")
        Task.objects.filter(pk=waiting.pk).update(waits_for=barrier, waits_generation=1)
        Barrier.objects.update(generation=3)
        prune_all()
        assert left(Round) == {one.pk}
        phase_steps.step()
        assert Task.objects.get(pk=waiting.pk).waits_for is None

    def test_work_that_is_still_to_arrive_stays_expected(self) -> None:
        barrier, _ = barriers.make("built", 1, by="bob")
        ExpectedArrival.objects.create(
            barrier=barrier,
            generation=1,
            agent_name="web",
            task=task_of(thinker(), 400, "running"),
            at=days_ago(400),
        )
        prune_all()
        assert ExpectedArrival.objects.count() == 1


def claim_of(days: float, *, held: bool = False) -> LockClaim:
    """Two files of a workspace, asked for so long ago."""
    at = days_ago(days)
    space, _ = LockSpace.objects.get_or_create(path="/work")
    space.fence += 1
    space.save(update_fields=["fence"])
    claim = LockClaim.objects.create(
        space=space,
        mode="exclusive",
        agent_name="web",
        state="held" if held else "ended",
        fence=space.fence,
        asked_at=at,
        granted_at=at,
        ended_at=None if held else at,
    )
    for pattern in ("a.py", "b.py"):
        FileLock.objects.create(claim=claim, pattern=pattern)
    return claim


def test_locks_that_were_let_go_long_ago_go_and_those_that_are_held_never() -> None:
    claim_of(91)
    kept = {claim_of(400, held=True), claim_of(89)}
    prune_all()
    assert left(LockClaim) == {one.pk for one in kept}
    assert FileLock.objects.count() == 4
    assert LockSpace.objects.get().fence == 3, "no number is given out again"


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
