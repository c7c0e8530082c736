"""An answer while it is being given, as programs read it on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agents.models import Task
from agents.policy.tasks import TaskState
from tests.api.conftest import Program
from tests.api.test_callers import with_token
from tests.harness.engine import Engine, asked, said, thinker
from tests.harness.recorded import run_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]


@pytest.fixture
def task() -> Task:
    return asked(thinker(), "What?")


def live(who: Program, task: Task, after: str | None = None) -> Any:
    query = "" if after is None else f"?after={after}"
    response = who.get(f"tasks/{task.pk}/live{query}")
    assert response.status_code == 200, response.content
    return response.json()


def test_it_is_read_on_from_where_it_was_read_to(task: Task, viewer: Program) -> None:
    engine = Engine.at_work(task)
    engine.begin()
    engine.think("Hm. ")
    engine.say("It is")
    first = live(viewer, task)
    place = first.pop("next")
    assert first == {
        "run": 1,
        "fresh": True,
        "thinking": "Hm. ",
        "text": "It is",
        "state": "running",
    }
    nothing = live(viewer, task, place)
    assert (nothing["fresh"], nothing["text"], nothing["next"]) == (False, "", place)
    engine.say(" good.")
    more = live(viewer, task, place)
    assert (more["fresh"], more["text"]) == (False, " good.")
    engine.think("Or")
    last = live(viewer, task, more["next"])
    assert (last["thinking"], last["text"]) == ("Or", "")
    engine.think(" not")
    assert live(viewer, task, last["next"])["thinking"] == " not"


def test_what_becomes_a_step_is_void_here(task: Task, viewer: Program) -> None:
    engine = Engine.at_work(task)
    engine.begin()
    engine.say("It is good.")
    place = live(viewer, task)["next"]
    engine.commit(said("It is good."))
    engine.begin()
    found = live(viewer, task, place)
    assert (found["fresh"], found["text"]) == (True, "")
    steps = viewer.get(f"tasks/{task.pk}/events").json()["items"]
    assert "It is good." in str(steps)


def test_while_nobody_works_on_it_there_is_nothing(task: Task, viewer: Program) -> None:
    before = live(viewer, task)
    assert before == {
        "run": None,
        "fresh": True,
        "thinking": "",
        "text": "",
        "next": "0.0.0",
        "state": "queued",
    }
    assert live(viewer, task, before["next"])["fresh"] is False
    engine = Engine.at_work(task)
    engine.begin()
    engine.say("Yes")
    begun = live(viewer, task, before["next"])
    assert (begun["run"], begun["fresh"], begun["text"]) == (1, True, "Yes")
    engine.end(TaskState.SUCCEEDED, result="Yes")
    over = live(viewer, task, begun["next"])
    assert (over["run"], over["fresh"], over["text"]) == (None, True, "")
    assert over["state"] == "succeeded"


def test_something_else_in_the_place_of_the_file_is_nothing(
    task: Task, viewer: Program, tmp_path: Path
) -> None:
    engine = Engine.at_work(task)
    engine.file.parent.mkdir(parents=True)
    engine.file.symlink_to("/etc/passwd")
    found = live(viewer, task)
    assert (found["fresh"], found["text"], found["thinking"]) == (True, "", "")


def test_who_may_look_reads_it_and_a_run_that_of_its_own_agent(
    task: Task,
    configurer: Program,
    operator: Program,
    viewer: Program,
    stranger: Program,
) -> None:
    engine = Engine.at_work(task)
    path = f"tasks/{task.pk}/live"
    own = with_token(engine.run)
    other = with_token(run_of(thinker("other"), pid=4243))
    for who in (configurer, operator, viewer, own):
        assert who.get(path).status_code == 200
    assert other.get(path).status_code == 403
    assert stranger.get(path).status_code == 401
    assert viewer.get("tasks/99/live").status_code == 404


@pytest.mark.parametrize("after", ["", "x", "1.2", "1.2.3", "-1.0.0", "1.2.0 ", "1..0"])
def test_a_place_that_is_none_is_refused(
    after: str, task: Task, viewer: Program
) -> None:
    response = viewer.get(f"tasks/{task.pk}/live?after={after}")
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "after"
