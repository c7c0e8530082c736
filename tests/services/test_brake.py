"""The fleet brake as rows: pulled once, noted everywhere, released with a reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.models import Agent, Brake, Node, Request, Schedule, StatusChange, Task
from agents.policy.tasks import TaskState
from agents.services import (
    brake,
    brake_effects,
    brake_pulls,
    changes,
    due,
    schedules,
    shapes,
    task_detail,
    work,
)
from agents.services.brake_pulls import CannotBrake, NotPulled, Pull
from agents.services.lifecycle import Asker
from agents.services.nodes import LEASE
from tests.harness.engine import Engine, asked, thinker
from tests.services.fleet import make_agent, settle

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]

BOB = Asker("bob", "page", "they delete files")
ALL_WELL = Asker("alice", "API", "all is well")


def running(name: str) -> Agent:
    agent = make_agent(name)
    settle(agent, status="running", desired_state="running")
    return agent


def pull(**how: bool) -> Brake:
    return brake_pulls.pull(Pull(**how), BOB)[0]


def lines(agent: Agent) -> list[str]:
    return list(
        StatusChange.objects.filter(agent=agent, source="fleet brake")
        .order_by("pk")
        .values_list("reason", flat=True)
    )


def test_pulling_twice_is_once_and_the_first_one_counts() -> None:
    first, new = brake_pulls.pull(Pull(), BOB)
    second, again = brake_pulls.pull(Pull(stop=True), replace(BOB, actor="alice"))
    assert (new, again) == (True, False)
    assert second == first and second.pulled_by == "bob" and not second.stops
    with pytest.raises(IntegrityError):
        Brake.objects.create(
            pulled_by="x",
            via="x",
            reason="x",
            made_boot="x",
            made_boot_seconds=1,
            stops=False,
            interrupts=False,
        )


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_pull_and_a_release_say_why(reason: str) -> None:
    with pytest.raises(CannotBrake, match="Say why"):
        brake_pulls.pull(Pull(), replace(BOB, reason=reason))
    assert brake.pulled() is None
    pull()
    with pytest.raises(CannotBrake, match="Say why"):
        brake_pulls.release(replace(BOB, reason=reason), go_on=False)
    assert brake.pulled() is not None


def test_who_works_is_stopped_when_it_has_finished_if_both_are_wanted() -> None:
    running("web")
    engine = Engine.at_work(asked(thinker()))
    agent = Agent.objects.get(name="thinker")
    settle(agent, status="running", desired_state="running")
    found = pull(stop=True, finish=True)
    assert [one["name"] for one in found.stopped] == ["web"]
    assert (found.awaited, found.interrupted) == ([agent.pk], [])
    assert work.look(engine.task).braked == ""
    assert brake_effects.stop_finished(), "it still works"
    assert not Request.objects.filter(agent=agent).exists()
    engine.end()
    assert not brake_effects.stop_finished()
    found.refresh_from_db()
    assert [one["name"] for one in found.stopped] == ["web", "thinker"]
    request = Request.objects.get(agent=agent)
    assert (request.action, request.actor) == ("stop", "bob")
    assert not brake_effects.stop_finished()
    assert Request.objects.filter(agent=agent).count() == 1


def test_after_the_release_nobody_is_stopped_any_more() -> None:
    engine = Engine.at_work(asked(thinker()))
    Agent.objects.update(desired_state="running")
    pull(stop=True, finish=True)
    brake_pulls.release(ALL_WELL, go_on=True)
    engine.end()
    assert not brake_effects.stop_finished()
    assert not Request.objects.exists()


def test_what_is_not_pulled_is_not_released() -> None:
    with pytest.raises(NotPulled):
        brake_pulls.release(BOB, go_on=False)


def test_no_task_is_due_while_it_is_pulled_and_it_costs_no_query() -> None:
    agent = thinker()
    task = asked(agent)
    with CaptureQueriesContext(connection) as before:
        assert due.due(agent.pk) == [task.pk]
    pull()
    with CaptureQueriesContext(connection) as after:
        assert due.due(agent.pk) == []
    assert len(after) == len(before)
    detail = task_detail.detail(task.pk)
    assert detail is not None
    told = "waits for the release of the fleet brake, pulled by bob: they delete files"
    assert told in detail.waits
    seq = changes.latest()
    brake_pulls.release(ALL_WELL, go_on=False)
    assert due.due(agent.pk) == [task.pk]
    assert agent.pk in changes.since(seq).tasks, "or nobody would look for work"


@pytest.mark.parametrize("finish", [True, False])
def test_work_that_has_begun_is_interrupted_or_left_as_chosen(finish: bool) -> None:
    engine = Engine.at_work(asked(thinker()))
    seq = changes.latest()
    found = pull(finish=finish)
    seen = work.look(engine.task)
    assert found.interrupted == ([] if finish else [engine.task.id])
    assert seen.mine
    if finish:
        assert seen.braked == ""
    else:
        assert seen.braked == "the fleet brake, pulled by bob: they delete files"
        assert engine.task.agent_id in changes.since(seq).tasks


def test_what_it_interrupted_goes_on_with_the_release_if_that_is_wanted() -> None:
    agent = thinker()
    engine = Engine.at_work(asked(agent))
    pull()
    engine.end(TaskState.INTERRUPTED)
    other = asked(agent, "another")
    Task.objects.filter(pk=other.pk).update(state="interrupted")
    brake_pulls.release(ALL_WELL, go_on=True)
    states = dict(Task.objects.values_list("pk", "state"))
    assert states == {engine.task.id: "queued", other.pk: "interrupted"}


def test_agents_are_left_alone_unless_they_are_to_be_stopped() -> None:
    running("web")
    pull()
    assert not Request.objects.exists()


def test_it_stops_and_names_what_ran_and_the_release_starts_just_that_again() -> None:
    web, api, idle = running("web"), running("api"), make_agent("idle")
    found = pull(stop=True)
    assert [one["name"] for one in found.stopped] == ["api", "web"]
    asked_of = Request.objects.values_list("agent_name", "action", "actor", "reason")
    told = "the fleet brake, pulled by bob: they delete files"
    assert sorted(asked_of) == [
        ("api", "stop", "bob", told),
        ("web", "stop", "bob", told),
    ]
    for agent in (web, api):
        agent.refresh_from_db()
        settle(agent, status="stopped", desired_state="stopped")
    # Somebody has asked something else of one of them since.
    Agent.objects.filter(pk=api.pk).update(generation=99)
    brake_pulls.release(ALL_WELL, go_on=True)
    for agent in (web, api, idle):
        agent.refresh_from_db()
    assert [one.desired_state for one in (web, api, idle)] == [
        "running",
        "stopped",
        "stopped",
    ]


def test_without_being_asked_the_release_starts_nothing() -> None:
    web = running("web")
    pull(stop=True)
    brake_pulls.release(ALL_WELL, go_on=False)
    web.refresh_from_db()
    assert web.desired_state == "stopped"


def test_both_are_in_the_history_of_every_agent_that_does_something() -> None:
    web, idle = running("web"), make_agent("idle")
    pull()
    brake_pulls.release(ALL_WELL, go_on=False)
    assert lines(web) == [
        "the fleet brake, pulled by bob: they delete files; agents run on, work is "
        "interrupted, none begins",
        "the fleet brake was released by alice: all is well",
    ]
    assert lines(idle) == []


def test_both_are_in_the_audit_log_of_whoever_has_an_account(bob: User) -> None:
    brake_pulls.pull(Pull(), BOB, bob.pk)
    brake_pulls.release(ALL_WELL, go_on=False, user_id=bob.pk)
    told = LogEntry.objects.order_by("pk").values_list("user", "change_message")
    assert list(told) == [
        (bob.pk, "Pulled by page: they delete files"),
        (bob.pk, "Released by API: all is well"),
    ]


def test_a_schedule_that_is_due_asks_nothing_and_says_why() -> None:
    Node.objects.create(name="local", epoch=1, lease=timezone.now() + LEASE)
    make_agent("worker")
    schedule = Schedule(
        name="morning", cron="30 6 * * *", names=["worker"], action="start"
    )
    schedules.save(schedule)
    pull()
    told = schedules.fire(schedule.pk, timezone.now().isoformat())
    assert told == "not asked: the fleet brake, pulled by bob: they delete files"
    schedule.refresh_from_db()
    assert schedule.last_ok is False
    assert not Request.objects.filter(agent_name="worker").exists()


def test_the_summary_tells_of_it() -> None:
    assert shapes.summary_shape()["brake"]["pulled"] is False
    running("web")
    pull(stop=True)
    told = shapes.summary_shape()["brake"]
    assert (told["pulled"], told["by"], told["reason"]) == (
        True,
        "bob",
        "they delete files",
    )
    assert (told["agents"], told["work"], told["stopped"]) == (
        "stop",
        "interrupt",
        ["web"],
    )


def test_what_changes_with_it_is_news_of_the_hub() -> None:
    seq = changes.latest()
    pull()
    assert changes.since(seq).hub == {changes.BRAKE}
    assert changes.since(seq, changes.BY_OTHERS).hub == {changes.BRAKE}


def test_a_hundred_agents_are_noted_in_a_handful_of_statements(data: Path) -> None:
    for number in range(100):
        running(f"agent-{number}")
    with CaptureQueriesContext(connection) as queries:
        pull(stop=True)
    assert len(queries) < 40
