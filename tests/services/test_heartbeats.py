"""Heartbeats: what is written down, what is news, and what is answered."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.models import Agent, Change, LockClaim, Run, StatusChange, Task
from agents.policy.lock_queue import Mode
from agents.policy.states import Status
from agents.services import heartbeats, locks, shapes
from agents.services.heartbeats import RunOver
from tests.harness.recorded import end_of, run_of
from tests.services.fleet import make_agent

pytestmark = pytest.mark.django_db

AT = datetime(2126, 1, 2, 3, 4, 5, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


@pytest.fixture
def run(db: None) -> Run:
    return run_of(make_agent("web", desired_state="running"))


def beat(run: Run, at: datetime = AT, **said: str) -> heartbeats.Reply:
    assert run.agent_id is not None
    return heartbeats.take(run.agent_id, run.pk, at, **said)


def shown(run: Run) -> tuple[str | None, str, str | None]:
    found = Agent.objects.select_related("run").get(name=run.agent_name)
    shape = shapes.agent_shape(found)
    return shape["activity"], shape["activity_note"], shape["last_heartbeat_at"]


def news() -> list[str]:
    """The topics of what is new since the last call."""
    topics = list(Change.objects.order_by("seq").values_list("topic", flat=True))
    Change.objects.all().delete()
    return topics


def test_what_an_agent_says_is_shown_and_is_no_history(run: Run) -> None:
    lines = StatusChange.objects.count()
    assert shown(run) == (None, "", None)
    reply = beat(run, activity="working", note="reads")
    assert shown(run) == ("working", "reads", "2126-01-02T03:04:05Z")
    assert (reply.stop, reply.cancel, reply.locks_lost) == (False, (), ())
    assert reply.interval == 30
    assert StatusChange.objects.count() == lines


def test_what_is_left_out_stays_as_it_was(run: Run) -> None:
    beat(run, activity="waiting", note="for a person")
    beat(run, later(5))
    assert shown(run)[:2] == ("waiting", "for a person")
    beat(run, later(10), note="for bob")
    assert shown(run)[:2] == ("waiting", "for bob")
    beat(run, later(15), activity="idle")
    assert shown(run)[:2] == ("idle", "")


def test_only_the_first_is_news_to_a_supervisor_and_the_same_again_to_nobody(
    run: Run,
) -> None:
    news()
    beat(run, activity="idle")
    assert news() == ["heartbeat"]
    beat(run, later(30), activity="idle")
    beat(run, later(60))
    assert news() == []
    assert shown(run)[2] == "2126-01-02T03:05:05Z"
    beat(run, later(90), activity="working")
    assert news() == ["agent"]


def test_one_that_says_the_same_at_once_writes_nothing(run: Run) -> None:
    beat(run, activity="idle")
    with CaptureQueriesContext(connection) as queries:
        beat(run, later(0.5), activity="idle")
    assert not [one for one in queries if one["sql"].startswith("UPDATE")]
    assert shown(run)[2] == "2126-01-02T03:04:05Z"
    # A clock that was set back by an hour silences nobody for an hour.
    beat(run, later(-3600), activity="idle")
    assert shown(run)[2] == "2126-01-02T02:04:05Z"


def test_the_same_again_costs_three_short_statements(run: Run) -> None:
    beat(run, activity="idle")
    with CaptureQueriesContext(connection) as queries:
        beat(run, later(30), activity="idle")
    kinds = [one["sql"].partition(" ")[0] for one in queries]
    assert kinds == ["SELECT", "UPDATE", "SELECT"]


def test_an_earlier_run_touches_nothing_of_a_later_one(run: Run) -> None:
    beat(run, activity="working", note="as the first")
    end_of(run, Status.STOPPED, 0, "it ended")
    with pytest.raises(RunOver):
        beat(run, later(30), activity="idle")
    second = run_of(Agent.objects.get(name=run.agent_name), pid=4243)
    with pytest.raises(RunOver):
        beat(run, later(60), activity="idle")
    # Nor is what the earlier one said the later one's word.
    assert shown(second)[:2] == (None, "")
    beat(second, later(90), note="as the second")
    assert shown(second)[:2] == (None, "as the second")


@pytest.mark.parametrize("status", ["stopped", "crashed", "backoff"])
def test_an_agent_that_does_not_live_gives_no_heartbeat(run: Run, status: str) -> None:
    Agent.objects.filter(name=run.agent_name).update(status=status)
    with pytest.raises(RunOver):
        beat(run)
    Agent.objects.filter(name=run.agent_name).update(status="running")
    assert run.agent_id is not None
    with pytest.raises(RunOver):
        heartbeats.take(run.agent_id, uuid.uuid4(), AT)
    assert Agent.objects.get().last_heartbeat_at is None


def test_one_that_ends_between_the_look_and_the_write_is_over(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(*told: object) -> tuple[str, str]:
        Agent.objects.update(status="stopped")
        return "idle", ""

    monkeypatch.setattr(heartbeats, "_says", ends)
    news()
    with pytest.raises(RunOver):
        beat(run)
    assert news() == []


def test_it_is_told_to_stop_when_its_run_is_to_end(run: Run) -> None:
    assert not beat(run).stop
    Agent.objects.update(status="stopping")
    assert beat(run, later(10)).stop
    Agent.objects.update(status="running", desired_state="stopped")
    assert beat(run, later(20)).stop


def test_it_is_told_which_of_its_tasks_are_cancelled(run: Run) -> None:
    now = timezone.now()
    common = {"agent_id": run.agent_id, "agent_name": "web", "started_at": now}
    asked = {"state": "running", "run": run, "cancel_asked_at": now}
    cancelled = Task.objects.create(**common, **asked)
    Task.objects.create(**common, **asked | {"cancel_asked_at": None})
    Task.objects.create(**common, **asked | {"run": None})
    assert beat(run).cancel == (cancelled.pk,)


def lock(run: Run, *patterns: str) -> int:
    assert run.agent_id is not None
    wanted = locks.Wanted("/w", patterns, Mode.EXCLUSIVE, run.agent_id, run.pk)
    claim = locks.ask(wanted, wait=False).claim
    assert claim is not None
    return claim


def test_it_is_told_of_locks_that_it_lost_and_of_none_that_it_let_go(run: Run) -> None:
    now = timezone.now()
    let_go, lost = lock(run, "a", "b"), lock(run, "c", "d")
    for pattern in ("a", "b", "d"):
        found = LockClaim.objects.get(locks__pattern=pattern).locks
        assert locks.let_go(found.get(pattern=pattern).pk)
    assert beat(run, now).locks_lost == ()
    assert locks.release([lost], "taken away") == 1
    (told,) = beat(run, now + timedelta(minutes=1)).locks_lost
    assert (told.pattern, told.fence) == ("c", LockClaim.objects.get(pk=lost).fence)
    assert LockClaim.objects.get(pk=let_go).state == "ended"
    # A reply may get lost, so it is told again; but not for ever.
    assert beat(run, now + timedelta(minutes=5)).locks_lost == (told,)
    assert beat(run, now + timedelta(minutes=15)).locks_lost == ()
