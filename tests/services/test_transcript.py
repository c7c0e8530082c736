"""Steps as people read them: calls with their results, long texts cut, nothing lost."""

from __future__ import annotations

import pytest
from django.urls import reverse

from agents.models import Task
from agents.services import steps, transcript
from agents.services.transcript import LONGEST, SHOWN, StepView
from tests.harness.engine import Engine, asked, said, thinker

pytestmark = pytest.mark.django_db


@pytest.fixture
def task() -> Task:
    return asked(thinker())


@pytest.fixture
def engine(task: Task) -> Engine:
    return Engine.at_work(task)


def brief(views: tuple[StepView, ...]) -> list[tuple[int, str, str]]:
    return [(view.number, view.kind, view.state) for view in views]


def test_a_call_and_its_result_are_one_step(task: Task, engine: Engine) -> None:
    engine.commit(said("Let me look", calls=["read_file"]))
    engine.commit(steps.call("c1", "read_file", {"path": "a.txt"}))
    page = transcript.page(task.pk)
    assert brief(page.steps) == [
        (1, "user", ""),
        (2, "answer", ""),
        (3, "call", "open"),
    ]
    engine.commit(steps.result("c1", "read_file", "hello", files=["a.txt"]))
    page = transcript.page(task.pk)
    assert brief(page.steps)[2:] == [(3, "call", "done")]
    call = page.steps[2]
    assert (call.name, call.summary, call.text.text) == ("read_file", "a.txt", "hello")
    assert call.arguments is not None
    assert call.arguments.text == "a.txt"
    assert call.files == ("a.txt",)
    assert page.last == 4


@pytest.mark.parametrize(
    ("how", "state"),
    [({"error": True}, "failed"), ({"interrupted": True}, "interrupted")],
)
def test_a_call_says_how_it_ended(
    task: Task, engine: Engine, how: dict[str, bool], state: str
) -> None:
    engine.commit(steps.call("c", "run", {"command": "make"}))
    engine.commit(steps.result("c", "run", "no", **how))  # type: ignore[arg-type]
    assert transcript.page(task.pk).steps[-1].state == state


def test_calls_at_once_get_each_their_own_result(task: Task, engine: Engine) -> None:
    engine.commit(steps.call("a", "one", {}), steps.call("b", "two", {}))
    engine.commit(steps.result("b", "two", "B"), steps.result("a", "one", "A"))
    found = transcript.page(task.pk).steps[1:]
    assert [(view.name, view.text.text) for view in found] == [
        ("one", "A"),
        ("two", "B"),
    ]


def test_who_has_seen_the_call_gets_it_again_with_its_result(
    task: Task, engine: Engine
) -> None:
    engine.commit(steps.call("c", "run", {}))
    seen = transcript.page(task.pk).last
    assert transcript.after(task.pk, seen).steps == ()
    engine.commit(steps.result("c", "run", "ok"), said("Good."))
    new = transcript.after(task.pk, seen)
    assert brief(new.steps) == [(2, "call", "done"), (4, "answer", "")]
    assert new.last == 4


def test_a_result_whose_call_is_not_there_is_shown_all_the_same(
    task: Task, engine: Engine
) -> None:
    engine.commit(steps.result("gone", "run", "ok"))
    assert transcript.page(task.pk).steps[-1].text.text == "ok"


def test_a_long_text_is_cut_and_all_of_it_is_elsewhere(
    task: Task, engine: Engine
) -> None:
    engine.commit(said("x" * (LONGEST + 1), thinking="short"))
    answer = transcript.page(task.pk).steps[-1]
    assert len(answer.text.text) == LONGEST
    assert answer.text.length == f"{LONGEST + 1:,}"
    assert answer.text.whole == reverse("task-step", args=[task.pk, 2])
    assert answer.thinking is not None
    assert answer.thinking.whole == ""


def test_the_newest_steps_are_shown_and_the_earlier_ones_counted(
    task: Task, engine: Engine
) -> None:
    engine.commit(*(steps.note(f"note {at}") for at in range(SHOWN + 10)))
    page = transcript.page(task.pk)
    assert (len(page.steps), page.earlier, page.last) == (SHOWN, 11, SHOWN + 11)
    before = transcript.page(task.pk, before=page.steps[0].number)
    assert (len(before.steps), before.earlier, before.last) == (11, 0, 11)


def test_what_is_newest_of_the_conversation_is_no_note(
    task: Task, engine: Engine
) -> None:
    engine.commit(said("Yes."), steps.note("asked again in 3 s", "warning"))
    newest = transcript.newest_said(task.pk)
    assert newest is not None
    assert newest.number == 2


def test_all_of_a_step_is_text(task: Task, engine: Engine) -> None:
    engine.commit(
        said("Yes.", thinking="Hm."), steps.call("c", "run", {"a": 1, "b": "x"})
    )
    texts = [transcript.text_of(row) for row in task.steps.order_by("number")]
    assert texts == [
        "What is here?",
        "Hm.\n\n---\n\nYes.",
        '{\n  "a": 1,\n  "b": "x"\n}',
    ]
