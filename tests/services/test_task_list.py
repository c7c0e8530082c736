"""Tasks as lists and their own page show them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from agents.models import Task
from agents.policy.tasks import TaskState
from agents.services import figures, task_detail, task_list, tasks, work
from agents.services.prices import Tokens
from agents.services.task_list import PER_PAGE, TaskQuery, task_page
from tests.harness.engine import BOB, Engine, asked, said, thinker

pytestmark = pytest.mark.django_db


def titles(query: TaskQuery) -> list[str]:
    return [row.title for row in task_page(query).rows]


def detail(task: Task) -> task_detail.TaskDetail:
    found = task_detail.detail(task.pk)
    assert found is not None
    return found


def test_the_newest_is_first_and_words_narrow_it() -> None:
    one, two = thinker("one"), thinker("two")
    asked(one, "first")
    asked(two, "second")
    done = asked(one, "third")
    tasks.cancel(done.pk, BOB)
    assert titles(TaskQuery()) == ["third", "second", "first"]
    assert titles(TaskQuery(agent="one")) == ["third", "first"]
    assert titles(TaskQuery(state="cancelled")) == ["third"]
    assert titles(TaskQuery(state="failed")) == []


def test_every_state_is_counted() -> None:
    agent = thinker()
    asked(agent)
    tasks.cancel(asked(agent).pk, BOB)
    counts = {one.value: one.count for one in task_page(TaskQuery()).states}
    assert counts[""] == 2
    assert (counts["queued"], counts["cancelled"], counts["failed"]) == (1, 1, 0)


def test_pages_are_turned_and_keep_what_was_asked_for() -> None:
    agent = thinker()
    for at in range(PER_PAGE + 2):
        asked(agent, f"do {at}")
    first = task_page(TaskQuery(agent="thinker"))
    assert (first.first, first.last, first.found) == (1, PER_PAGE, PER_PAGE + 2)
    assert (first.previous, first.next) == ("", "?agent=thinker&page=2")
    second = task_page(TaskQuery.parse({"agent": "thinker", "page": "2"}))
    assert [row.title for row in second.rows] == ["do 1", "do 0"]


@pytest.mark.parametrize(
    "given", [{"state": "sleeping"}, {"page": "-1"}, {"page": "x"}, {"page": "9" * 20}]
)
def test_unknown_words_of_a_query_are_ignored(given: dict[str, str]) -> None:
    assert TaskQuery.parse(given) == TaskQuery()


def test_a_list_of_none_says_whom_to_ask() -> None:
    assert task_page(TaskQuery()).natives == ()
    thinker()
    assert task_page(TaskQuery(agent="gone")).natives == ("thinker",)


def test_of_an_agent_its_work_comes_first_then_its_queue_then_the_latest() -> None:
    agent = thinker()
    Engine.at_work(asked(agent, "done")).end()
    Engine.at_work(asked(agent, "now"))
    asked(agent, "later")
    asked(agent, "urgent", priority=5)
    found = [row.title for row in task_list.of_agent(agent.pk)]
    assert found == ["now", "urgent", "later", "done"]
    assert task_list.waiting_for(agent.pk) == 2


def test_a_long_prompt_is_one_line() -> None:
    row = task_list.row(asked(thinker(), "a\nb  c " + "x" * 500))
    assert row.title.startswith("a b c xxx")
    assert row.title.endswith("…")
    assert len(row.title) <= task_list.LONGEST_TITLE + 1


@pytest.mark.parametrize(
    ("cost", "unpriced", "text"),
    [
        (Decimal("0"), 0, "$0.00"),
        (Decimal("1.234567"), 0, "$1.23"),
        (Decimal("0.000420000"), 0, "$0.0004"),
        (Decimal("0"), 1, "unknown"),
        (Decimal("0.25"), 1, "at least $0.25"),
    ],
)
def test_a_cost_is_read_as_money_or_unknown(
    cost: Decimal, unpriced: int, text: str
) -> None:
    task = Task(agent_name="a", input=5, cost=cost, unpriced=unpriced)
    assert task_list.price(task) == text


def test_what_used_nothing_has_no_cost_to_show() -> None:
    assert task_list.price(Task(agent_name="a")) == figures.NOTHING
    assert task_list.tokens(Task(agent_name="a")) == figures.NOTHING


def test_a_task_that_waits_for_a_stopped_agent_says_so() -> None:
    task = asked(thinker())
    assert "when the agent is started" in detail(task).waits
    Engine.at_work(task)
    assert detail(task).waits == ""


def test_a_task_whose_agent_is_gone_says_so_and_cannot_be_followed() -> None:
    task = asked(agent := thinker())
    agent.delete()
    found = detail(task)
    assert "has been deleted" in found.waits
    assert not found.followable
    assert found.row.agent_url == ""


def test_what_may_be_done_with_it_follows_its_state() -> None:
    task = asked(thinker())
    assert (detail(task).may_cancel, detail(task).may_go_on) == (True, False)
    engine = Engine.at_work(task)
    tasks.cancel(task.pk, BOB)
    assert not detail(task).may_cancel
    assert detail(task).row.beside == "is being cancelled"
    engine.end(TaskState.INTERRUPTED, reason="the hub ended")
    assert (detail(task).may_cancel, detail(task).may_go_on) == (False, True)


def test_a_question_is_open_until_it_is_answered() -> None:
    task = asked(thinker())
    work.ask_person(Engine.at_work(task).task, "Which?")
    assert detail(task).asks
    assert detail(task).row.beside == "waits for an answer"
    tasks.answer(task.pk, "This one", BOB)
    assert not detail(task).asks
    assert detail(task).row.beside == ""


def test_a_conversation_is_shown_where_there_is_one() -> None:
    agent = thinker()
    first = asked(agent, "one")
    assert detail(first).conversation == ()
    Engine.at_work(first).end()
    second = asked(agent, "two", follows=first.pk)
    assert [row.title for row in detail(second).conversation] == ["one", "two"]


def test_usage_is_what_was_booked() -> None:
    task = asked(thinker())
    Engine.at_work(task).commit(said("a"), tokens=Tokens(1200, 30, 0, 45, 6))
    assert dict(detail(task).usage) == {
        "Input": "1,200",
        "Cache read": "30",
        "Cache write": "0",
        "Output": "45",
        "Reasoning": "6",
    }
    assert detail(task).row.tokens == "1,275"


def test_there_is_no_detail_of_no_task() -> None:
    assert task_detail.detail(4711) is None
