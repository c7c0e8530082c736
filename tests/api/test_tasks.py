"""Tasks as programs read them: lists, one, its steps; and a run its own alone."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.utils import timezone

from agents.api import paging
from agents.api.routes import tasks as reading
from agents.models import Agent, Task
from agents.policy.tasks import TaskState
from agents.services import work
from agents.services.steps import note
from agents.services.task_shapes import task_shape
from tests.api.conftest import Program
from tests.api.test_agent_lists import walked
from tests.api.test_callers import with_token
from tests.harness.engine import Engine, asked, said, thinker
from tests.harness.recorded import run_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def tasks() -> list[Task]:
    """Of two agents: one that asks, one that waits, one that is done, one low."""
    one, two = thinker("one", labels={"team": "a"}), thinker("two")
    done = asked(one, "done")
    engine = Engine.at_work(done)
    engine.end(result="yes")
    asking = asked(one, "asking")
    work.ask_person(Engine.at_work(asking).task, "Which?")
    return [done, asking, asked(two, "urgent", priority=5), asked(two, "low")]


def prompts(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [one["prompt"] for one in answer.json()["items"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["low", "urgent", "asking", "done"]),
        ("?sort=id", ["done", "asking", "urgent", "low"]),
        ("?sort=-priority", ["urgent", "done", "asking", "low"]),
        ("?sort=-ended", ["done", "asking", "urgent", "low"]),
        ("?sort=started", ["done", "asking", "urgent", "low"]),
        ("?agent=one", ["asking", "done"]),
        ("?agent=nobody", []),
        ("?state=queued", ["low", "urgent"]),
        ("?state=queued&state=succeeded", ["low", "urgent", "done"]),
        ("?state=queued&agent=one", []),
        ("?label=team=a", ["asking", "done"]),
        ("?label=team=b", []),
        ("?asking=true", ["asking"]),
        ("?limit=1", ["low"]),
    ],
)
def test_tasks_are_filtered_and_sorted(
    query: str, found: list[str], tasks: list[Task], viewer: Program
) -> None:
    assert prompts(viewer.get(f"tasks{query}")) == found


def test_a_conversation_is_found(tasks: list[Task], viewer: Program) -> None:
    one = Agent.objects.get(name="one")
    later = asked(one, "later", follows=tasks[0].pk)
    query = f"?conversation={later.conversation}"
    assert prompts(viewer.get(f"tasks{query}")) == ["later", "done"]


@pytest.mark.parametrize("sort", ["-id", "-priority", "ended", "-ended", "started"])
def test_pages_fit_together(sort: str, tasks: list[Task], viewer: Program) -> None:
    whole = viewer.get(f"tasks?sort={sort}").json()["items"]
    assert walked(viewer, f"tasks?sort={sort}") == whole


@pytest.mark.parametrize(
    "query", ["?state=lost", "?sort=cost", "?stat=queued", "?cursor=x", "?label=a"]
)
def test_a_query_that_makes_no_sense_is_refused(query: str, viewer: Program) -> None:
    assert viewer.get(f"tasks{query}").status_code == 422


def test_a_page_of_very_long_tasks_is_short_and_nothing_is_left_out(
    viewer: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = thinker()
    for letter in "abc":
        asked(agent, letter * 100)
    monkeypatch.setattr(paging, "HEAVIEST", 150)
    page = viewer.get("tasks").json()
    assert len(page["items"]) == 1
    assert len(walked(viewer, "tasks?limit=2")) == 3
    monkeypatch.setattr(paging, "HEAVIEST", 50)
    assert len(walked(viewer, "tasks?limit=2")) == 3


def test_a_list_and_a_task_are_not_sent_twice(
    tasks: list[Task], viewer: Program
) -> None:
    for path in ("tasks", f"tasks/{tasks[2].pk}", f"tasks/{tasks[0].pk}/events"):
        first = viewer.get(path)
        again = viewer.get(path, If_None_Match=first["ETag"])
        assert (first.status_code, again.status_code) == (200, 304), path
        assert again["ETag"] == first["ETag"]
    etag = viewer.get(f"tasks/{tasks[2].pk}")["ETag"]
    Task.objects.update(reason="otherwise")
    changed = viewer.get(f"tasks/{tasks[2].pk}", If_None_Match=etag)
    assert changed.status_code == 200


def test_one_task_has_the_shape_that_commands_print(
    tasks: list[Task], viewer: Program
) -> None:
    for task in Task.objects.select_related("run"):
        assert viewer.get(f"tasks/{task.pk}").json() == task_shape(task)


def test_steps_come_in_order_and_the_cursor_goes_on(viewer: Program) -> None:
    engine = Engine.at_work(asked(thinker()))
    path = f"tasks/{engine.task.id}/events"
    begun = viewer.get(path).json()
    assert (begun["more"], begun["state"]) == (False, "running")
    engine.commit(said("one"), said("two"), note("three"))
    first = viewer.get(f"{path}?after={begun['next']}&limit=2").json()
    assert [one["data"]["text"] for one in first["items"]] == ["one", "two"]
    assert first["more"] is True
    assert all("native" not in one["data"] for one in first["items"])
    second = viewer.get(f"{path}?after={first['next']}").json()
    assert [one["kind"] for one in second["items"]] == ["note"]
    assert second["more"] is False
    third = viewer.get(f"{path}?after={second['next']}").json()
    assert (third["items"], third["next"]) == ([], second["next"])
    engine.end(steps=[said("four")])
    last = viewer.get(f"{path}?after={third['next']}").json()
    assert [one["data"]["text"] for one in last["items"]] == ["four"]
    assert last["state"] == "succeeded"


def test_steps_that_are_very_long_come_one_by_one(
    viewer: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine.at_work(asked(thinker()))
    engine.commit(said("x" * 100), said("y" * 100))
    monkeypatch.setattr(paging, "HEAVIEST", 200)
    found = viewer.get(f"tasks/{engine.task.id}/events").json()
    assert found["more"] is True
    assert found["items"][-1]["number"] == found["next"]


def test_waiting_for_what_has_come_already_takes_no_time(
    tasks: list[Task], viewer: Program
) -> None:
    done = tasks[0].pk
    assert viewer.get(f"tasks/{done}?wait=600").json()["state"] == "succeeded"
    found = viewer.get(f"tasks/{done}/events?after=1000&wait=600").json()
    assert (found["items"], found["next"]) == ([], 1000)


def test_a_task_that_has_not_ended_in_time_is_answered_as_it_is(
    tasks: list[Task], viewer: Program
) -> None:
    assert viewer.get(f"tasks/{tasks[3].pk}?wait=0.1").json()["state"] == "queued"
    assert viewer.get(f"tasks/{tasks[3].pk}?wait=601").status_code == 422
    assert viewer.get(f"tasks/{tasks[3].pk}/events?wait=-1").status_code == 422


def test_a_look_waits_little_for_what_no_supervisor_is_there_to_do(
    tasks: list[Task], viewer: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "UNSUPERVISED", 0.2)
    path, begun = f"tasks/{tasks[3].pk}", time.monotonic()
    assert viewer.get(f"{path}?wait=600").json()["state"] == "queued"
    assert viewer.get(f"{path}/events?wait=600").json()["items"] == []
    assert 0.4 <= time.monotonic() - begun < 20
    Agent.objects.all().delete()
    assert viewer.get(f"{path}?wait=600").json()["state"] == "queued"


def test_no_such_task_is_not_found(viewer: Program) -> None:
    for path in ("tasks/99", "tasks/99?wait=5", "tasks/99/events"):
        assert viewer.get(path).status_code == 404
    assert viewer.get(f"tasks/{10**30}").status_code == 422


def test_who_may_look_reads_all_of_them(
    tasks: list[Task],
    configurer: Program,
    operator: Program,
    viewer: Program,
    stranger: Program,
) -> None:
    paths = ("tasks", f"tasks/{tasks[0].pk}", f"tasks/{tasks[0].pk}/events")
    for one, status in (
        (configurer, 200),
        (operator, 200),
        (viewer, 200),
        (stranger, 401),
    ):
        assert [one.get(path).status_code for path in paths] == [status] * 3


def test_a_run_reads_the_tasks_of_its_own_agent_and_no_others(
    tasks: list[Task],
) -> None:
    two = Agent.objects.get(name="two")
    own = with_token(run_of(two))
    # One of an agent that had the name before.
    Task.objects.create(agent=None, agent_name="two", prompt="an earlier two's")
    assert prompts(own.get("tasks?agent=two")) == ["low", "urgent"]
    assert own.get(f"tasks/{tasks[3].pk}").json()["prompt"] == "low"
    assert own.get(f"tasks/{tasks[3].pk}/events").status_code == 200
    earlier = Task.objects.get(agent=None).pk
    for path in (
        "tasks",
        "tasks?agent=one",
        f"tasks/{tasks[0].pk}",
        f"tasks/{tasks[0].pk}/events",
        f"tasks/{earlier}",
        "tasks/99",
    ):
        assert own.get(path).status_code == 403, path
    Agent.objects.filter(pk=two.pk).update(status="stopped", run=None)
    assert own.get(f"tasks/{tasks[3].pk}").status_code == 401


def test_a_task_of_a_deleted_agent_is_still_read(
    tasks: list[Task], viewer: Program
) -> None:
    Task.objects.filter(pk=tasks[0].pk).update(agent=None, ended_at=timezone.now())
    assert viewer.get(f"tasks/{tasks[0].pk}").json()["agent"] == "one"
    assert viewer.get("tasks?agent=one&state=succeeded").json()["items"]
    assert TaskState(viewer.get(f"tasks/{tasks[0].pk}").json()["state"])
