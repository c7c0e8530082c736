"""Asking for work, cancelling, answering and going on, by the pages' forms."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.models import Agent, Budget, Node, Task
from agents.policy.tasks import TaskState
from agents.services import work
from agents.services.nodes import LEASE
from agents.services.tasks import LONGEST_PROMPT
from tests.harness.engine import Engine, asked, thinker
from tests.pages.conftest import MakeAgent

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def supervisor(db: None, data: object) -> Node:
    lease = timezone.now() + LEASE
    return Node.objects.create(name="local", epoch=1, lease=lease)


@pytest.fixture
def agent(db: None) -> Agent:
    return thinker()


@pytest.fixture
def task(agent: Agent) -> Task:
    return asked(agent)


def ask(
    client: Client, name: str = "thinker", *, htmx: bool = False, **form: Any
) -> Any:
    headers = HTMX if htmx else {}
    address = reverse("agent-ask", args=[name])
    return client.post(address, {"prompt": "Do it", **form}, headers=headers)


def act(client: Client, task: Task, what: str, **form: Any) -> Any:
    return client.post(reverse(f"task-{what}", args=[task.pk]), form)


def said(response: Any) -> str:
    # Those before it have not been shown to anybody yet.
    *_, message = get_messages(response.wsgi_request)
    return str(message)


def test_a_task_is_recorded_and_its_page_opens(as_bob: Client, agent: Agent) -> None:
    form: dict[str, Any] = {"paths": "docs/*.md\r\n\r\n  src/**  ", "priority": "5"}
    response = ask(as_bob, prompt="Do\r\nit", **form)
    task = Task.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"/tasks/{task.pk}/")
    assert (task.prompt, task.priority) == ("Do\nit", 5)
    assert task.paths == ["docs/*.md", "src/**"]
    assert (task.created_by, task.via) == ("bob", "page")


def test_an_open_page_is_taken_there_by_htmx(as_bob: Client, agent: Agent) -> None:
    response = ask(as_bob, htmx=True)
    assert response["HX-Redirect"] == Task.objects.get().get_absolute_url()


def test_a_form_that_is_sent_twice_asks_once(as_bob: Client, agent: Agent) -> None:
    first, second = ask(as_bob, key="abc"), ask(as_bob, key="abc")
    assert first["Location"] == second["Location"]
    assert Task.objects.count() == 1


def test_a_follow_up_is_in_the_same_conversation(as_bob: Client, task: Task) -> None:
    ask(as_bob, follows=str(task.pk))
    newest = Task.objects.get(prompt="Do it")
    assert newest.conversation == task.conversation


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"prompt": " "}, "the prompt is empty"),
        ({"prompt": "x" * (LONGEST_PROMPT + 1)}, "are the most"),
        ({"priority": "much"}, "a whole number, not &#x27;much&#x27;"),
        ({"priority": "5000"}, "between -1000 and 1000"),
        ({"follows": "4711"}, "has no task 4711"),
        ({"follows": "x"}, "no such task"),
        ({"key": "k" * 200, "paths": "a\n" * 200}, "Name up to"),
    ],
)
def test_what_is_refused_says_what_to_change_and_loses_nothing(
    as_bob: Client, agent: Agent, form: dict[str, Any], problem: str
) -> None:
    line = ask(as_bob, htmx=True, **form)
    assert (line.status_code, 'role="alert"' in line.content.decode()) == (200, True)
    assert problem in line.content.decode()
    whole = ask(as_bob, **form)
    assert whole.status_code == 422
    assert problem in whole.content.decode()
    if "prompt" not in form:
        assert ">Do it</textarea>" in whole.content.decode()
    assert not Task.objects.exists()


def test_a_program_and_who_has_spent_too_much_are_not_asked(
    as_bob: Client, agent: Agent, make_agent: MakeAgent
) -> None:
    make_agent("web")
    assert "takes no tasks" in ask(as_bob, "web", htmx=True).content.decode()
    Budget.objects.create(scope="all", period="day", limit=0)
    assert "Raise it" in ask(as_bob, htmx=True).content.decode()
    assert not Task.objects.exists()
    assert ask(as_bob, "nobody").status_code == 404


def test_without_a_supervisor_it_is_kept_and_that_is_said(
    as_bob: Client, agent: Agent
) -> None:
    Node.objects.all().delete()
    assert "it is kept until" in said(ask(as_bob))
    assert Task.objects.count() == 1


def test_a_waiting_task_is_cancelled_at_once(as_bob: Client, task: Task) -> None:
    response = act(as_bob, task, "cancel")
    assert response["Location"] == task.get_absolute_url()
    assert said(response) == f"Task {task.pk} is cancelled."
    task.refresh_from_db()
    assert (task.state, task.reason) == ("cancelled", "cancelled by bob")


def test_a_running_task_is_asked_to_end(as_bob: Client, task: Task) -> None:
    Engine.at_work(task)
    assert said(act(as_bob, task, "cancel")) == f"Task {task.pk} is being cancelled."
    task.refresh_from_db()
    assert (task.state, task.cancel_asked_by) == ("running", "bob")


def test_an_interrupted_task_is_queued_again(as_bob: Client, task: Task) -> None:
    assert "is queued, not interrupted" in said(act(as_bob, task, "go-on"))
    Engine.at_work(task).end(TaskState.INTERRUPTED)
    assert "goes on" in said(act(as_bob, task, "go-on"))
    task.refresh_from_db()
    assert task.state == "queued"


def test_a_question_is_answered_once(as_bob: Client, task: Task) -> None:
    engine = Engine.at_work(task)
    assert "waits for no answer" in said(act(as_bob, task, "answer", text="x"))
    work.ask_person(engine.task, "Which?")
    assert "the answer is empty" in said(act(as_bob, task, "answer", text=" "))
    assert said(act(as_bob, task, "answer", text="This\r\none")) == (
        "Your answer was recorded."
    )
    task.refresh_from_db()
    assert (task.answer, task.answered_by) == ("This\none", "bob")
    assert "waits for no answer" in said(act(as_bob, task, "answer", text="that"))


def test_with_htmx_the_answer_is_a_line_for_the_page(
    as_bob: Client, task: Task
) -> None:
    address = reverse("task-cancel", args=[task.pk])
    response = as_bob.post(address, headers=HTMX)
    assert 'data-level="success"' in response.content.decode()


# Three people


@pytest.mark.parametrize("what", ["cancel", "answer", "go-on"])
def test_who_may_operate_may_and_who_may_look_may_not(
    as_alice: Client, as_bob: Client, as_vera: Client, task: Task, what: str
) -> None:
    assert act(as_vera, task, what, text="x").status_code == 403
    task.refresh_from_db()
    assert task.state == "queued"
    for client in (as_alice, as_bob):
        assert act(client, task, what, text="x").status_code == 302


def test_asking_needs_the_right_to_operate(
    as_alice: Client, as_bob: Client, as_vera: Client, agent: Agent
) -> None:
    assert ask(as_vera).status_code == 403
    assert ask(as_vera, htmx=True)["HX-Retarget"] == "#flash"
    assert not Task.objects.exists()
    for client in (as_alice, as_bob):
        assert ask(client).status_code == 302
    assert Task.objects.count() == 2


def test_nothing_is_asked_by_a_get_or_from_elsewhere(
    as_bob: Client, bob: User, task: Task
) -> None:
    addresses = [reverse("agent-ask", args=["thinker"])]
    addresses += [
        reverse(f"task-{what}", args=[task.pk])
        for what in ("cancel", "answer", "go-on")
    ]
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(bob)
    for address in addresses:
        assert as_bob.get(address).status_code == 405
        assert careful.post(address, {"prompt": "x", "text": "x"}).status_code == 403
    assert Task.objects.get().state == "queued"


def test_no_task_is_not_found(as_bob: Client, task: Task) -> None:
    for what in ("cancel", "answer", "go-on"):
        address = reverse(f"task-{what}", args=[task.pk + 1])
        assert as_bob.post(address, {"text": "x"}).status_code == 404


def test_a_task_says_where_it_arrives_and_what_it_waits_for(
    as_bob: Client, as_vera: Client, agent: Agent
) -> None:
    thinker("tester")
    ask(as_bob, barrier="built", parties="thinker, tester")
    ask(as_bob, "tester", barrier="built", parties="")
    ask(as_bob, "tester", barrier="tested", parties="1", after="built")
    *_, last = Task.objects.order_by("pk")
    page = as_vera.get(last.get_absolute_url()).content.decode()
    assert "It waits until all have arrived at built, in round 1." in page
    assert "tested, round 1: awaited" in page
    page = as_vera.get("/barriers/").content.decode()
    assert "Work of tester and thinker arrives here; 1 task begins once all" in page


def test_a_phase_that_cannot_be_is_said_and_nothing_typed_is_lost(
    as_bob: Client, agent: Agent
) -> None:
    response = ask(as_bob, after="built")
    assert response.status_code == 422
    page = response.content.decode()
    assert "There is no barrier &#x27;built&#x27;" in page
    assert 'name="after" maxlength="63"' in page and 'value="built"' in page
    assert not Task.objects.exists()
