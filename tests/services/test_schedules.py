"""Schedules: what is stored, what is asked when one is due, and the cluster's rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from django_q.models import Schedule as DueTime

from agents.models import Agent, Node, Request, Schedule
from agents.policy.setup import CLUSTER_NAME
from agents.services import agent_detail, cluster, overview, schedules, shapes, transfer
from agents.services.nodes import LEASE
from tests.services.fleet import make_agent, make_fleet, make_run, settle

pytestmark = pytest.mark.django_db


@pytest.fixture
def supervised() -> Node:
    return Node.objects.create(name="local", epoch=1, lease=timezone.now() + LEASE)


def saved(**values: Any) -> Schedule:
    given = {"name": "morning", "cron": "30 6 * * *", "names": ["worker"]}
    schedule = Schedule(**(given | values))
    schedules.save(schedule)
    return schedule


def refusals(**values: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        saved(**values)
    return caught.value.message_dict


def fire(schedule: Schedule, due: datetime | None = None) -> str:
    at = due or timezone.now()
    outcome = schedules.fire(schedule.pk, at.isoformat())
    schedule.refresh_from_db()
    return outcome


def hubs_own() -> Agent:
    return Agent.every.get(internal=True)


def wanted() -> str:
    return hubs_own().desired_state


class TestStoring:
    def test_django_q2_gets_an_id_and_the_times_and_nothing_else(self) -> None:
        make_agent()
        schedule = saved()
        row = DueTime.objects.get()
        assert (row.func, row.args) == (
            "agents.services.schedules.fire",
            f"{schedule.pk},",
        )
        assert (row.schedule_type, row.cron) == (DueTime.CRON, "30 6 * * *")
        assert (row.intended_date_kwarg, row.repeats) == ("due", -1)
        assert row.next_run == schedules.next_time(schedule)

    def test_a_change_leaves_what_came_of_a_time_meanwhile(self) -> None:
        make_agent()
        schedule = saved()
        Schedule.objects.update(last_ok=True, last_outcome="1 agent asked to start")
        schedule.cron = "0 7 * * *"
        schedules.save(schedule)
        stored = Schedule.objects.get()
        assert (stored.cron, stored.last_ok) == ("0 7 * * *", True)
        assert stored.last_outcome == "1 agent asked to start"

    def test_a_change_keeps_its_row_in_step(self) -> None:
        make_agent()
        schedule = saved()
        schedule.cron = "0 7 * * *"
        schedules.save(schedule)
        assert DueTime.objects.get().cron == "0 7 * * *"
        schedule.enabled = False
        schedules.save(schedule)
        assert not DueTime.objects.exists()
        assert schedules.next_time(schedule) is None
        schedule.enabled = True
        schedules.save(schedule)
        schedules.delete(schedule)
        assert not DueTime.objects.exists()

    @pytest.mark.parametrize(
        ("values", "field", "message"),
        [
            ({"cron": "never"}, "cron", "Give five parts"),
            ({"names": ["wroker"]}, "names", "Did you mean 'worker'?"),
            ({"names": []}, "names", "Name agents, or choose them by label."),
            ({"labels": {"a": "b"}}, "names", "by name or by label"),
            ({"names": [], "labels": ["x"]}, "labels", "mapping"),
            ({"name": "a b"}, "name", "A name has 1 to 63 letters"),
            ({"action": "kill"}, "action", "not a valid choice"),
        ],
    )
    def test_what_could_not_work_is_refused(
        self, values: dict[str, Any], field: str, message: str
    ) -> None:
        make_agent()
        assert message in refusals(**values)[field][0]
        assert not Schedule.objects.exists()


@pytest.mark.usefixtures("supervised")
class TestFiring:
    def test_it_asks_in_the_name_of_the_schedule(self) -> None:
        make_agent()
        schedule = saved(action="restart")
        assert fire(schedule) == "1 agent asked to restart"
        wish = Request.objects.get(agent_name="worker")
        assert (wish.actor, wish.via) == ("schedule morning", "schedule")
        assert wish.action == "restart"
        assert wish.reason.startswith("due at ")
        assert schedule.last_ok is True
        assert schedule.last_outcome == "1 agent asked to restart"

    def test_one_time_is_asked_once_though_it_is_delivered_twice(self) -> None:
        make_agent()
        schedule, due = saved(), timezone.now()
        fire(schedule, due)
        fire(schedule, due)
        assert Request.objects.filter(agent_name="worker").count() == 1
        fire(schedule, due + timedelta(seconds=1))
        assert Request.objects.filter(agent_name="worker").count() == 2

    def test_a_label_means_who_has_it_when_the_time_comes(self) -> None:
        schedule = saved(names=[], labels={"team": "a", "stage": "test"})
        make_agent("early", labels={"team": "a", "stage": "test", "more": "yes"})
        make_agent("other", labels={"team": "a"})
        fire(schedule)
        asked = Request.objects.exclude(agent_name=CLUSTER_NAME)
        assert [one.agent_name for one in asked] == ["early"]

    def test_an_agent_that_is_gone_is_said_and_the_others_are_asked(self) -> None:
        make_agent()
        gone = make_agent("gone")
        schedule = saved(names=["worker", "gone"])
        gone.delete()
        outcome = fire(schedule)
        assert outcome == "1 agent asked to start; there is no gone any more"
        assert schedule.last_ok is False

    def test_what_is_so_already_is_said(self) -> None:
        agent = make_agent()
        schedule = saved(action="stop")
        settle(agent, status="stopped")
        assert fire(schedule) == "1 agent asked to stop, 1 already so"

    def test_a_time_that_is_over_is_noted_and_not_caught_up(self) -> None:
        make_agent()
        schedule = saved()
        fire(schedule, timezone.now() - timedelta(hours=5))
        assert schedule.last_outcome == (
            "missed: the hub came to it 5 h late, and missed times are not caught up"
        )
        assert schedule.last_ok is False
        assert not Request.objects.filter(agent_name="worker").exists()

    def test_without_a_supervisor_nothing_is_asked(self, supervised: Node) -> None:
        make_agent()
        schedule = saved()
        supervised.delete()
        assert fire(schedule).startswith("missed: no supervisor was running")
        assert not Request.objects.filter(agent_name="worker").exists()

    def test_a_schedule_that_is_off_or_gone_does_nothing(self) -> None:
        make_agent()
        schedule = saved()
        Schedule.objects.update(enabled=False)
        assert fire(schedule) == "there is no such schedule any more"
        assert not Request.objects.filter(agent_name="worker").exists()


class TestCluster:
    def test_it_is_wanted_while_a_schedule_is_on(self) -> None:
        make_agent()
        schedule = saved()
        assert wanted() == "running"
        other = saved(name="evening", action="stop")
        schedules.delete(schedule)
        assert wanted() == "running"
        other.enabled = False
        schedules.save(other)
        assert wanted() == "stopped"
        reasons = Request.objects.filter(agent_name=CLUSTER_NAME)
        assert [one.reason for one in reasons] == [
            "schedule evening was saved",
            "schedule morning was saved",
        ]

    def test_without_a_schedule_there_is_none(self) -> None:
        cluster.keep("the hub has begun")
        assert not Agent.every.exists()

    def test_a_new_hub_asks_for_it_again_and_leaves_alone_what_runs(self) -> None:
        make_agent()
        saved()
        settle(hubs_own(), status="running")
        cluster.keep("the hub has begun")
        assert hubs_own().generation == 1
        cluster.end("the hub ends")
        settle(hubs_own(), status="stopped")
        cluster.keep("the hub has begun")
        assert (hubs_own().generation, wanted()) == (3, "running")

    def test_one_that_crashed_is_asked_for_again(self) -> None:
        make_agent()
        saved()
        settle(hubs_own(), status="crashed")
        cluster.keep("the hub has begun")
        assert hubs_own().generation == 2

    def test_the_end_of_what_is_not_alive_is_not_asked(self) -> None:
        assert cluster.end("all") is None
        make_agent()
        saved()
        asked = cluster.end("all")
        assert asked is not None, "it was about to be started"
        settle(hubs_own(), status="stopped")
        assert cluster.end("all") is None

    def test_it_is_in_no_list_count_or_file_of_people(self) -> None:
        make_agent()
        saved()
        agent = hubs_own()
        settle(agent, status="crashed")
        make_run(agent)
        assert [row.name for row in overview.fleet()] == ["worker"]
        assert overview.overview().total == 1
        assert overview.overview().problem_count == 0
        assert shapes.summary_shape()["total_agents"] == 1
        assert [one["name"] for one in transfer.export(Agent.objects.all())] == [
            "worker"
        ]
        assert CLUSTER_NAME not in {change.agent for change in agent_detail.lately()}
        plan = transfer.make_plan([{"name": CLUSTER_NAME, "command": ["true"]}])
        assert "reserved" in plan.problems[0].message

    def test_its_own_page_is_there(self) -> None:
        make_agent()
        saved()
        detail = agent_detail.detail(hubs_own().pk)
        assert detail is not None
        assert detail.row.internal

    def test_people_cannot_be_asked_about_it_by_label(self) -> None:
        make_fleet(2, labels={"team": "a"})
        saved(names=[], labels={"team": "a"})
        Agent.every.filter(internal=True).update(labels={"team": "a"})
        ids, _ = schedules.chosen(Schedule.objects.get())
        assert hubs_own().pk not in ids
        assert len(ids) == 2


def test_the_view_tells_what_comes_next() -> None:
    make_agent()
    saved(cron="0 0 1 1 *")
    saved(name="soon", cron="* * * * *", action="stop", names=[], labels={"a": "b"})
    saved(name="off", enabled=False)
    view = schedules.view()
    assert view.enabled == 2
    assert view.cluster is not None
    assert [(one.name, one.action, one.whom) for one in view.coming] == [
        ("soon", "stop", "a=b"),
        ("morning", "start", "worker"),
    ]
