"""Schedules that ask: what is refused, what task is made, what is said of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from agents.models import Agent, Node, Schedule, Task
from agents.policy.setup import CLUSTER_NAME
from agents.services import schedules
from agents.services.nodes import LEASE
from tests.harness.spending import spend, thinker
from tests.services.fleet import make_agent, make_fleet

pytestmark = pytest.mark.django_db

PROMPT = "Review what was pushed today."


@pytest.fixture
def supervised() -> Node:
    return Node.objects.create(name="local", epoch=1, lease=timezone.now() + LEASE)


def saved(**values: Any) -> Schedule:
    given = {
        "name": "review",
        "action": "ask",
        "cron": "0 18 * * *",
        "names": ["thinker"],
        "prompt": PROMPT,
    }
    schedule = Schedule(**(given | values))
    schedules.save(schedule)
    return schedule


def fire(schedule: Schedule, due: datetime | None = None) -> str:
    outcome = schedules.fire(schedule.pk, (due or timezone.now()).isoformat())
    schedule.refresh_from_db()
    assert schedule.last_outcome == outcome
    return outcome


def finish(task: Task) -> None:
    Task.objects.filter(pk=task.pk).update(state="succeeded", ended_at=timezone.now())


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        ({"prompt": ""}, "prompt", "to ask needs a prompt"),
        ({"prompt": "a\0b"}, "prompt", "NUL"),
        ({"action": "start"}, "prompt", "choose the action “Ask”"),
        ({"names": ["web"]}, "names", "web runs a program and takes no tasks"),
        ({"names": ["thnker"]}, "names", "Did you mean 'thinker'?"),
        ({"timeout": 0.0}, "timeout", "more than 0 s"),
        ({"timeout": float("nan")}, "timeout", "more than 0 s"),
        ({"max_attempts": 0}, "max_attempts", "1 to 20"),
        ({"priority": 1001}, "priority", "between -1000 and 1000"),
        ({"paths": "src"}, "paths", "a list of globs"),
        ({"paths": ["src"] * 101}, "paths", "up to 100 paths"),
    ],
)
def test_what_could_not_be_asked_is_refused_beside_its_field(
    values: dict[str, Any], field: str, message: str
) -> None:
    thinker()
    make_agent("web")
    with pytest.raises(ValidationError) as caught:
        saved(**values)
    assert message in caught.value.message_dict[field][0]
    assert not Schedule.objects.exists()


@pytest.mark.usefixtures("supervised")
class TestFiring:
    def test_a_task_is_made_in_the_name_of_the_schedule(self) -> None:
        agent = thinker()
        schedule = saved(priority=7, timeout=90.0, max_attempts=2, paths=["docs/**"])
        outcome = fire(schedule)
        task = Task.objects.get()
        assert outcome == f"1 agent asked: task {task.pk}"
        assert schedule.last_ok is True
        assert (task.agent, task.prompt, task.state) == (agent, PROMPT, "queued")
        assert (task.created_by, task.via) == ("schedule review", "schedule")
        assert (task.priority, task.timeout, task.max_attempts) == (7, 90.0, 2)
        assert task.paths == ["docs/**"]

    def test_one_time_makes_one_task_however_often_it_is_delivered(self) -> None:
        thinker()
        schedule, due = saved(), timezone.now()
        first = fire(schedule, due)
        finish(Task.objects.get())
        assert fire(schedule, due) == first
        # As if the process had ended before what came of it was written down.
        Schedule.objects.update(last_at=None, last_outcome="")
        assert fire(schedule, due) == first
        assert Task.objects.count() == 1
        fire(schedule, due + timedelta(seconds=1))
        assert Task.objects.count() == 2

    def test_who_has_not_finished_the_earlier_task_gets_no_other(self) -> None:
        thinker()
        schedule, due = saved(), timezone.now()
        fire(schedule, due)
        task = Task.objects.get()
        said = fire(schedule, due + timedelta(seconds=1))
        assert said == (
            f"0 agents asked; thinker: It has not finished task {task.pk} of this "
            "schedule"
        )
        assert schedule.last_ok is False
        other = saved(name="other", prompt="Something else.")
        assert fire(other).startswith("1 agent asked")

    def test_an_agent_over_its_budget_is_refused_and_it_is_said(self) -> None:
        agent = thinker(budget={"day": 1})
        spend(agent, "1")
        schedule, before = saved(), Task.objects.count()
        assert fire(schedule) == (
            "0 agents asked; thinker: The budget of thinker is $1.00 a day, and $1.00 "
            "is spent. Raise it, or wait for the next day (UTC)"
        )
        assert schedule.last_ok is False
        assert Task.objects.count() == before

    def test_one_that_is_refused_keeps_no_other_from_being_asked(self) -> None:
        thinker(labels={"team": "a"})
        make_agent("web", labels={"team": "a"})
        thinker("idler")
        schedule = saved(names=[], labels={"team": "a"})
        said = fire(schedule)
        task = Task.objects.get()
        assert task.agent_name == "thinker"
        assert said == (
            f"1 agent asked: task {task.pk}; web: web runs a program and takes no "
            "tasks. Ask an agent of the kind native_llm"
        )
        assert schedule.last_ok is False

    def test_many_refusals_are_counted(self) -> None:
        make_fleet(9, labels={"team": "a"})
        said = fire(saved(names=[], labels={"team": "a"}))
        assert said.count("runs a program") == 5
        assert said.endswith("4 more were not asked")

    def test_one_that_is_gone_is_said(self) -> None:
        thinker()
        gone = thinker("gone")
        schedule = saved(names=["thinker", "gone"])
        gone.delete()
        assert fire(schedule).endswith("; there is no gone any more")
        assert schedule.last_ok is False
        assert Task.objects.count() == 1

    def test_a_time_that_is_over_makes_no_task(self) -> None:
        thinker()
        outcome = fire(saved(), timezone.now() - timedelta(hours=5))
        assert outcome.startswith("missed")
        assert not Task.objects.exists()

    def test_without_a_supervisor_no_task_is_made(self, supervised: Node) -> None:
        thinker()
        supervised.delete()
        assert fire(saved()).startswith("missed: no supervisor was running")
        assert not Task.objects.exists()


def test_the_hubs_own_cluster_is_asked_for_nothing() -> None:
    agent = thinker(labels={"team": "a"})
    schedule = saved(names=[], labels={"team": "a"})
    Agent.every.filter(name=CLUSTER_NAME).update(labels={"team": "a"})
    assert schedules.chosen(schedule) == ([agent.pk], [])


def test_the_view_tells_how_the_prompt_begins() -> None:
    thinker()
    saved(prompt="Review\nwhat was " + "pushed " * 90)
    (one,) = schedules.view().coming
    assert (one.action, one.whom) == ("ask", "thinker")
    assert one.prompt.startswith("Review what was pushed")
    assert one.prompt.endswith("…")
