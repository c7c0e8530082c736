"""Asking through the API: the rows that a page makes, its refusals, and once only."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import ADDITION, LogEntry
from django.utils import timezone

from agents.api.waits import MOST, SEATS
from agents.models import Agent, Budget, FirstAnswer, Task, UsageDay
from agents.policy.tasks import TaskState
from agents.services import first_answers, phase_steps, work
from tests.api.conftest import Program
from tests.api.test_callers import with_token
from tests.harness.engine import Engine, asked, thinker
from tests.harness.recorded import run_of

FIELDS = (
    "agent_id",
    "agent_name",
    "prompt",
    "paths",
    "priority",
    "timeout",
    "max_attempts",
    "budget",
    "state",
    "reason",
)


@pytest.fixture
def agent(db: None) -> Agent:
    return thinker()


def row(task_id: int) -> dict[str, Any]:
    return dict(Task.objects.filter(pk=task_id).values(*FIELDS).get())


def lines() -> list[tuple[str, str]]:
    """The audit log, but for the tokens of the tests themselves."""
    found = LogEntry.objects.filter(content_type__model="task").order_by("pk")
    return list(found.values_list("user__username", "change_message"))


def test_a_task_is_the_row_that_a_page_makes(agent: Agent, operator: Program) -> None:
    how = {
        "paths": ["src/**/*.py", "a b.txt"],
        "priority": 7,
        "timeout": 60.5,
        "max_attempts": 2,
        "budget": {"usd": 1.5, "tokens": 9000},
    }
    response = operator.post("agents/thinker/tasks", {"prompt": "What?", **how})
    assert response.status_code == 201, response.content
    found = response.json()
    assert response["Location"] == f"/api/v1/tasks/{found['id']}"
    by_page = asked(agent, "What?", **how)
    assert row(found["id"]) == row(by_page.pk)
    task = Task.objects.get(pk=found["id"])
    assert (task.created_by, task.via) == ("bob", "api: operate")
    assert found["state"] == "queued"
    assert found["budget"] == {"usd": 1.5, "tokens": 9000}
    assert operator.get(f"tasks/{task.pk}").json() == found
    assert lines() == [("bob", "Asked by the token 'operate'.")]
    assert LogEntry.objects.get(content_type__model="task").action_flag == ADDITION


def test_the_prompt_alone_is_enough(agent: Agent, operator: Program) -> None:
    found = operator.post("agents/thinker/tasks", {"prompt": "What?"}).json()
    assert row(found["id"]) == row(asked(agent, "What?").pk)
    assert found["idempotency_key"] is None


def test_only_who_may_operate_asks(
    agent: Agent,
    configurer: Program,
    operator: Program,
    viewer: Program,
    stranger: Program,
) -> None:
    engine = Engine.at_work(asked(agent))
    work.ask_person(engine.task, "Which?")
    halted = asked(agent)
    Task.objects.filter(pk=halted.pk).update(state=TaskState.INTERRUPTED)
    body = {"prompt": "What?"}
    own, other = with_token(engine.run), with_token(run_of(thinker("other")))
    before = list(Task.objects.values())
    for one, status in ((viewer, 403), (own, 403), (other, 403), (stranger, 401)):
        for path, sent in (
            ("agents/thinker/tasks", body),
            (f"tasks/{engine.task.id}/cancel", None),
            (f"tasks/{halted.pk}/go-on", None),
            (f"tasks/{engine.task.id}/answer", {"text": "This."}),
        ):
            assert one.post(path, sent).status_code == status, path
    assert list(Task.objects.values()) == before
    for one in (configurer, operator):
        assert one.post("agents/thinker/tasks", body).status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": " \n"}, "prompt"),
        ({"prompt": "a\0b"}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"prompt": "x" * 1_000_001}, "prompt"),
        ({"prompt": "x", "paths": ["/etc/passwd"]}, "paths"),
        ({"prompt": "x", "paths": ["../other"]}, "paths"),
        ({"prompt": "x", "paths": [""]}, "paths.0"),
        ({"prompt": "x", "paths": "a"}, "paths"),
        ({"prompt": "x", "priority": 1001}, "priority"),
        ({"prompt": "x", "priority": "1"}, "priority"),
        ({"prompt": "x", "timeout": 0}, "timeout"),
        ({"prompt": "x", "timeout": 1e9}, "timeout"),
        ({"prompt": "x", "max_attempts": 0}, "max_attempts"),
        ({"prompt": "x", "max_attempts": True}, "max_attempts"),
        ({"prompt": "x", "budget": {"eur": 1}}, "budget.eur"),
        ({"prompt": "x", "budget": {"usd": 0}}, "budget.usd"),
        ({"prompt": "x", "idempotency_key": "k" * 101}, "idempotency_key"),
        ({"prompt": "x", "follows": 12345}, "follows"),
        ({"prompt": "x", "wait": 601}, "wait"),
        ({"prompt": "x", "prompts": "y"}, "prompts"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_field(
    body: Any, field: str, agent: Agent, operator: Program
) -> None:
    response = operator.post("agents/thinker/tasks", body)
    assert response.status_code == 422, response.content
    assert [one["field"] for one in response.json()["errors"]] == [field]
    assert not Task.objects.exists()
    assert not FirstAnswer.objects.exists()


def test_who_takes_no_tasks_is_not_asked(agent: Agent, operator: Program) -> None:
    Agent.objects.create(name="web", command=["sleep", "9"])
    Agent.objects.create(name="cluster", command=["x"], internal=True)
    body = {"prompt": "What?"}
    assert operator.post("agents/nobody/tasks", body).status_code == 404
    assert operator.post("agents/cluster/tasks", body).status_code == 409
    refused = operator.post("agents/web/tasks", body)
    assert refused.status_code == 409
    assert "runs a program" in refused.json()["detail"]
    Budget.objects.create(scope="all", period="day", limit=1)
    UsageDay.objects.create(
        agent=agent, day=timezone.now().date(), provider="demo", cost=2
    )
    refused = operator.post("agents/thinker/tasks", body)
    assert refused.status_code == 409
    assert "Raise it, or wait" in refused.json()["detail"]
    assert not Task.objects.exists()


def test_a_task_goes_on_from_another_in_its_conversation(
    agent: Agent, operator: Program
) -> None:
    first = asked(agent)
    body = {"prompt": "And then?", "follows": first.pk}
    found = operator.post("agents/thinker/tasks", body).json()
    assert found["conversation"] == str(first.conversation)


def test_a_key_in_the_body_gives_the_same_task_as_it_is_now(
    agent: Agent, operator: Program, configurer: Program
) -> None:
    body = {"prompt": "What?", "idempotency_key": "k"}
    first = operator.post("agents/thinker/tasks", body)
    Task.objects.update(state=TaskState.FAILED, reason="no luck")
    again = configurer.post("agents/thinker/tasks", body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]
    assert (first.json()["state"], again.json()["state"]) == ("queued", "failed")
    assert "Location" not in again
    assert Task.objects.get().idempotency_key == "k"
    other = operator.post("agents/thinker/tasks", {**body, "prompt": "Else?"})
    assert other.status_code == 422
    assert other.json()["errors"][0]["field"] == "idempotency_key"
    assert len(lines()) == 1


def test_a_key_in_the_header_gives_the_first_answer(
    agent: Agent, operator: Program
) -> None:
    body = {"prompt": "What?"}
    first = operator.post("agents/thinker/tasks", body, Idempotency_Key="k")
    Task.objects.update(state=TaskState.FAILED, reason="no luck")
    again = operator.post("agents/thinker/tasks", body, Idempotency_Key="k")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["idempotency_key"] is None
    assert first.content == again.content
    assert again["Location"] == first["Location"]
    assert again["Idempotency-Replayed"] == "true"
    refused = operator.post(
        "agents/thinker/tasks", {"prompt": "Else?"}, Idempotency_Key="k"
    )
    assert refused.status_code == 422
    assert Task.objects.count() == 1


def test_a_key_in_the_body_cannot_be_that_of_another_request(
    agent: Agent, operator: Program
) -> None:
    """Or it would be given the task that somebody else has asked for."""
    operator.post("agents/thinker/tasks", {"prompt": "What?"}, Idempotency_Key="k")
    name = Task.objects.get().idempotency_key
    body = {"prompt": "What?", "idempotency_key": name}
    refused = operator.post("agents/thinker/tasks", body)
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert error["field"] == "idempotency_key" and "choose another" in error["detail"]
    fine = operator.post("agents/thinker/tasks", {**body, "idempotency_key": "api-x"})
    assert (fine.status_code, fine.json()["idempotency_key"]) == (201, "api-x")


def test_both_keys_may_be_given(agent: Agent, operator: Program) -> None:
    body = {"prompt": "What?", "idempotency_key": "mine"}
    for key in ("k", "k", "another"):
        operator.post("agents/thinker/tasks", body, Idempotency_Key=key)
    assert Task.objects.get().idempotency_key == "mine"


@pytest.mark.parametrize("own", ["", "mine"])
def test_a_hub_that_was_killed_while_a_call_waited_makes_no_second_task(
    own: str, agent: Agent, operator: Program
) -> None:
    """Its row is there, without an answer; so is the task."""
    body = {"prompt": "What?", "idempotency_key": own, "wait": 5}
    first = operator.post("agents/thinker/tasks", body, Idempotency_Key="k")
    FirstAnswer.objects.update(
        status=first_answers.OPEN, body=b"", content_type="", headers={}
    )
    again = operator.post("agents/thinker/tasks", body, Idempotency_Key="k")
    assert "Idempotency-Replayed" not in again
    assert again.json() == first.json()
    assert again.status_code == (200 if own else 201)
    assert Task.objects.count() == 1
    assert len(lines()) == 1


def test_waiting_without_a_supervisor_is_answered_at_once(
    agent: Agent, operator: Program
) -> None:
    body = {"prompt": "What?", "wait": 600}
    response = operator.post("agents/thinker/tasks", body)
    assert (response.status_code, response.json()["state"]) == (201, "queued")


def test_who_finds_all_seats_taken_has_asked_nothing(
    agent: Agent, operator: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SEATS, "taken", MOST)
    body = {"prompt": "What?", "wait": 1}
    response = operator.post("agents/thinker/tasks", body)
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert not Task.objects.exists()


def test_a_task_is_cancelled_with_a_reason_and_twice_is_once(
    agent: Agent, operator: Program
) -> None:
    task = asked(agent)
    body = {"reason": "no need"}
    first = operator.post(f"tasks/{task.pk}/cancel", body)
    assert first.status_code == 200
    assert first.json()["state"] == "cancelled"
    assert first.json()["reason"] == "cancelled by bob: no need"
    again = operator.post(f"tasks/{task.pk}/cancel")
    assert again.json() == first.json()
    assert lines()[0] == ("bob", "Asked to cancel by the token 'operate': no need")


def test_a_running_task_says_that_it_is_being_cancelled(
    agent: Agent, operator: Program
) -> None:
    engine = Engine.at_work(asked(agent))
    found = operator.post(f"tasks/{engine.task.id}/cancel").json()
    assert found["state"] == "running"
    assert found["cancel_asked_at"].endswith("Z")
    assert work.look(engine.task).cancelled_by == "bob"


def test_an_interrupted_task_goes_on_and_no_other_does(
    agent: Agent, operator: Program
) -> None:
    task = asked(agent)
    refused = operator.post(f"tasks/{task.pk}/go-on")
    assert refused.status_code == 409
    assert "not interrupted" in refused.json()["detail"]
    Task.objects.update(state=TaskState.INTERRUPTED)
    for _ in range(2):
        found = operator.post(f"tasks/{task.pk}/go-on", Idempotency_Key="k")
        assert (found.status_code, found.json()["state"]) == (200, "queued")
    assert lines() == [("bob", "Asked to go on by the token 'operate'.")]


def test_a_question_is_answered_once(agent: Agent, operator: Program) -> None:
    engine = Engine.at_work(asked(agent))
    path = f"tasks/{engine.task.id}/answer"
    assert operator.post(path, {"text": "This."}).status_code == 409
    work.ask_person(engine.task, "Which?")
    assert operator.get(f"tasks/{engine.task.id}").json()["question"] == "Which?"
    found = operator.post(path, {"text": "This."})
    assert (found.status_code, found.json()["answer"]) == (200, "This.")
    assert operator.post(path, {"text": "That."}).status_code == 409
    assert work.look(engine.task).answer == "This."
    assert operator.post(path, {"text": ""}).status_code == 422
    assert lines() == [("bob", "Answered by the token 'operate'.")]


@pytest.mark.parametrize("act", ["cancel", "go-on", "answer"])
def test_no_such_task(act: str, operator: Program, db: None) -> None:
    body = {"text": "x"} if act == "answer" else None
    assert operator.post(f"tasks/99/{act}", body).status_code == 404
    assert operator.post(f"tasks/0/{act}", body).status_code == 422
    assert operator.post(f"tasks/x/{act}", body).status_code == 422
    assert operator.post(f"tasks/{10**30}/{act}", body).status_code == 422


def test_work_of_a_next_phase_waits_for_that_of_the_one_before(
    agent: Agent, operator: Program, viewer: Program
) -> None:
    thinker("tester")
    first = {"prompt": "Build.", "barrier": "built", "parties": ["thinker"]}
    built = operator.post("agents/thinker/tasks", first).json()
    place = {"barrier": "built", "generation": 1}
    assert built["arrives_at"] == {**place, "state": "awaited"}
    assert built["waits_for"] is None
    then = {"prompt": "Test.", "after": "built"}
    waits = operator.post("agents/tester/tasks", then).json()
    assert (waits["arrives_at"], waits["waits_for"]) == (None, place)
    Engine.at_work(Task.objects.get(pk=built["id"])).end()
    phase_steps.step()
    assert viewer.get(f"tasks/{waits['id']}").json()["waits_for"] is None
    listed = viewer.get("tasks?agent=thinker").json()["items"][0]
    assert listed["arrives_at"] == {**place, "state": "arrived"}


@pytest.mark.parametrize(
    ("phase", "field"),
    [
        ({"barrier": "built"}, "barrier"),
        ({"parties": 2}, "parties"),
        ({"barrier": "built", "parties": ["nobody"]}, "parties"),
        ({"after": "built"}, "after"),
    ],
)
def test_a_phase_that_cannot_be_says_which_word_to_change(
    agent: Agent, operator: Program, phase: dict[str, Any], field: str
) -> None:
    answer = operator.post("agents/thinker/tasks", {"prompt": "Build.", **phase})
    assert answer.status_code == 422
    assert field in str(answer.json()["errors"]), answer.json()
    assert not Task.objects.exists()
