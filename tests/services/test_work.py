"""The engine's door to tasks: each claim is one run's, and each step is kept once."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError

from agents.models import Agent, Change, Provider, Run, Step, Task, Usage
from agents.policy.tasks import TaskState
from agents.services import due, setups, steps, tasks, work
from agents.services.lifecycle import Asker
from agents.services.prices import Tokens
from agents.services.tasks import Ask, CannotAsk, CannotChange
from agents.services.work import Booking, Claimed, ClaimLost

pytestmark = pytest.mark.django_db

BOB = Asker("bob", "page")


@pytest.fixture
def agent() -> Agent:
    Provider.objects.get_or_create(name="demo", defaults={"kind": "demo"})
    agent = Agent(name="thinker", kind="native_llm", provider="demo")
    setups.save(agent)
    return agent


def run_of(agent: Agent, number: int = 1) -> uuid.UUID:
    Run.objects.filter(agent=agent, ended_at=None).update(ended_at="2026-01-01T00:00Z")
    run = Run.objects.create(
        agent=agent,
        agent_name=agent.name,
        number=number,
        generation=1,
        revision=1,
        boot="boot",
        created_at="2026-01-01T00:00Z",
    )
    return run.id


def asked(agent: Agent, prompt: str = "work", **wanted: Any) -> Task:
    task, _ = tasks.ask(agent.pk, Ask(prompt, **wanted), BOB)
    return task


def claimed(agent: Agent, **wanted: Any) -> Claimed:
    asked(agent, **wanted)
    [one] = work.claim(agent.pk, run_of(agent), 1)
    return one


# Asking


def test_the_same_key_gives_the_same_task(agent: Agent) -> None:
    first, new = tasks.ask(agent.pk, Ask("a", idempotency_key="k"), BOB)
    again, anew = tasks.ask(agent.pk, Ask("a", idempotency_key="k"), BOB)
    assert (first.pk, new, anew) == (again.pk, True, False)
    with pytest.raises(CannotAsk, match="asks for something else"):
        tasks.ask(agent.pk, Ask("b", idempotency_key="k"), BOB)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Ask(" "), "prompt is empty"),
        (Ask("a\0"), "no text"),
        (Ask("a" * 1_000_001), "1,000,000 are the most"),
        (Ask("a", timeout=0), "more than 0 s"),
        (Ask("a", max_attempts=0), "1 to 20"),
        (Ask("a", priority=2000), "between -1000 and 1000"),
        (Ask("a", idempotency_key="k" * 101), "100 characters"),
        (Ask("a", paths=[""]), "none of them empty"),
        (Ask("a", follows=99), "no task 99"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_to_change(
    agent: Agent, wanted: Ask, words: str
) -> None:
    with pytest.raises(CannotAsk, match=words):
        tasks.ask(agent.pk, wanted, BOB)
    assert not Task.objects.exists()


def test_a_program_takes_no_tasks() -> None:
    program = Agent(name="program", command=["true"])
    setups.save(program)
    with pytest.raises(CannotAsk, match="native_llm"):
        tasks.ask(program.pk, Ask("a"), BOB)


# Claiming


def test_the_most_urgent_comes_first_then_the_oldest(agent: Agent) -> None:
    usual, urgent, later = asked(agent), asked(agent, priority=5), asked(agent)
    run = run_of(agent)
    order = [one.id for _ in range(3) for one in work.claim(agent.pk, run, 1)]
    assert order == [urgent.pk, usual.pk, later.pk]


def test_a_conversation_is_one_task_at_a_time_and_in_order(agent: Agent) -> None:
    first = asked(agent)
    second = asked(agent, "more", follows=first.pk)
    urgent = asked(agent, "even more", follows=first.pk, priority=9)
    run = run_of(agent)
    [one] = work.claim(agent.pk, run, 5)
    assert one.id == first.pk
    assert work.claim(agent.pk, run, 5) == []
    work.end(one, TaskState.SUCCEEDED, "done", result="x")
    [two] = work.claim(agent.pk, run, 5)
    assert two.id == second.pk
    known = work.transcript(two)
    assert [step.data.get("text") for step in known.steps] == ["work", "more"]
    assert urgent.pk not in (one.id, two.id)


def test_a_claim_writes_the_question_down_once(agent: Agent) -> None:
    one = claimed(agent)
    assert [step.kind for step in work.transcript(one).steps] == ["user"]
    work.put_back(one, "again")
    [two] = work.claim(agent.pk, one.run_id, 1)
    assert [step.kind for step in work.transcript(two).steps] == ["user", "note"]
    assert (one.attempt, two.attempt) == (1, 1), "putting back spends no attempt"


def test_whoever_wants_nothing_gets_nothing(agent: Agent) -> None:
    asked(agent)
    assert work.claim(agent.pk, run_of(agent), 0) == []


def test_a_later_attempt_waits_for_its_time(agent: Agent) -> None:
    one = claimed(agent)
    assert work.try_later(one, 3600, "later")
    assert work.claim(agent.pk, one.run_id, 1) == []
    left = due.next_due(agent.pk)
    assert left is not None and 3590 < left <= 3600
    # Another boot: nobody knows how long it was, and it was long enough.
    Task.objects.update(not_before_boot="another")
    [two] = work.claim(agent.pk, one.run_id, 1)
    assert two.attempt == 2


def test_a_claim_that_its_run_never_heard_of_is_heard_of_with_the_next_look(
    agent: Agent,
) -> None:
    one = claimed(agent)
    again = work.turn(agent.pk, one.run_id, 1, [])
    assert again.claimed == [one]
    assert work.turn(agent.pk, one.run_id, 0, [one]).claimed == []


def test_nothing_is_claimed_by_a_look_that_fails(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(agent)
    run = run_of(agent)

    def fail(_: int) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(due, "next_due", fail)
    with pytest.raises(OperationalError):
        work.turn(agent.pk, run, 1, [])
    assert Task.objects.get().state == "queued"


def test_who_is_busy_does_not_wait_for_what_is_due_already(agent: Agent) -> None:
    one = claimed(agent)
    work.try_later(one, 0, "at once")
    assert work.turn(agent.pk, one.run_id, 0, []).due is None


# Committing


def test_steps_are_numbered_on_and_told_of(agent: Agent) -> None:
    one = claimed(agent)
    before = Change.objects.count()
    numbers = work.commit(one, [steps.note("a"), steps.note("b")])
    assert numbers == [2, 3]
    assert work.next_step(one.id) == 4
    change = Change.objects.order_by("seq").last()
    assert change is not None and change.task_id == one.id
    assert Change.objects.count() == before + 1


@pytest.mark.parametrize("lost", ["another run", "cancelled", "gone"])
def test_whoever_lost_the_task_writes_nothing_more(agent: Agent, lost: str) -> None:
    one = claimed(agent)
    if lost == "another run":
        work.requeue_lost(agent.pk, run_of(agent, 2))
    elif lost == "cancelled":
        work.end(one, TaskState.CANCELLED, "by bob")
    else:
        Task.objects.all().delete()
    count = Step.objects.count()
    with pytest.raises(ClaimLost):
        work.commit(one, [steps.note("late")])
    with pytest.raises(ClaimLost):
        work.ask_person(one, "late?")
    assert not work.end(one, TaskState.SUCCEEDED, "late")
    assert not work.try_later(one, 1, "late")
    assert not work.put_back(one, "late")
    assert not work.look(one).mine
    assert Step.objects.count() == count


def test_usage_is_booked_once_however_often_it_is_told(agent: Agent) -> None:
    one = claimed(agent)
    booking = Booking(2, 1, "demo", "demo", "m", Tokens(10, 1, 2, 30, 4))
    for _ in range(3):
        work.commit(one, [steps.note("x")], [booking])
    usage = Usage.objects.get()
    assert (usage.input, usage.output, usage.cost) == (10, 30, Decimal(0))
    task = Task.objects.get()
    counts = (task.input, task.cache_read, task.cache_write, task.output)
    assert counts == (10, 1, 2, 30)
    assert (task.reasoning, task.unpriced) == (4, 0)


def test_what_no_database_keeps_is_replaced(agent: Agent) -> None:
    one = claimed(agent)
    work.commit(one, [steps.result("c", "read", "a\0b\ud800c", files=["x\udcff"])])
    last = Step.objects.order_by("number").last()
    assert last is not None
    assert last.data["text"] == "a\ufffdb\ufffdc"
    assert last.data["files"] == ["x\ufffd"]
    work.ask_person(one, "Which\0?")
    assert Task.objects.get().question == "Which\ufffd?"
    work.end(one, TaskState.SUCCEEDED, "done", result="\ud83d\ude00 \0")
    assert Task.objects.get().result == "\U0001f600 \ufffd"


# Runs that are over


def test_what_an_ended_run_left_is_queued_again_and_says_so(agent: Agent) -> None:
    one = claimed(agent)
    Run.objects.filter(pk=one.run_id).update(ended_at="2026-01-02T00:00Z")
    assert work.requeue_ended() == 1
    assert work.requeue_ended() == 0
    task = Task.objects.get()
    assert (task.state, task.attempts) == ("queued", 0)
    last = Step.objects.order_by("number").last()
    assert last is not None and last.kind == "note"


def test_only_what_the_ended_run_left_is_queued_again(agent: Agent) -> None:
    left = claimed(agent)
    asked(agent)
    [living] = work.claim(agent.pk, run_of(agent, 2), 1)
    assert work.requeue_ended() == 1
    assert Task.objects.get(pk=left.id).state == "queued"
    assert work.look(living).mine


def test_what_nobody_can_work_on_any_more_is_queued_again(agent: Agent) -> None:
    one = claimed(agent)
    Task.objects.update(run=None)
    assert work.requeue_ended() == 1
    assert Task.objects.get(pk=one.id).state == "queued"


@pytest.mark.parametrize("how", ["lost", "later", "back"])
def test_what_is_to_be_cancelled_is_not_queued_again(agent: Agent, how: str) -> None:
    one = claimed(agent)
    tasks.cancel(one.id, BOB)
    if how == "lost":
        work.requeue_lost(agent.pk, run_of(agent, 2))
    elif how == "later":
        assert work.try_later(one, 900, "later")
    else:
        assert work.put_back(one, "the hub has ended")
    task = Task.objects.get()
    assert (task.state, task.reason) == ("cancelled", "cancelled by bob")
    assert task.ended_at is not None


def test_an_answer_that_the_run_did_not_live_to_hear_is_heard_by_the_next(
    agent: Agent,
) -> None:
    one = claimed(agent)
    question = {"question": "Which?"}
    work.commit(one, [steps.call("c1", "ask_person", question)])
    work.ask_person(one, "Which?")
    tasks.answer(one.id, "blue", BOB)
    work.requeue_lost(agent.pk, run_of(agent, 2))
    heard = Step.objects.get(kind="result").data
    assert (heard["call"], heard["text"], heard["error"]) == ("c1", "blue", False)


def test_an_answer_that_was_heard_is_no_answer_to_the_next_call(agent: Agent) -> None:
    one = claimed(agent)
    question = {"question": "Which?"}
    work.commit(one, [steps.call("c1", "ask_person", question)])
    work.ask_person(one, "Which?")
    tasks.answer(one.id, "blue", BOB)
    work.commit(one, [steps.result("c1", "ask_person", "blue")])
    work.commit(one, [steps.call("c2", "read_file", {"path": "a"})])
    work.requeue_lost(agent.pk, run_of(agent, 2))
    assert Step.objects.filter(kind="result").count() == 1


def test_a_run_does_not_take_what_is_its_own(agent: Agent) -> None:
    one = claimed(agent)
    assert work.requeue_lost(agent.pk, one.run_id) == 0
    assert Task.objects.get().state == "running"


# People


def test_a_waiting_task_is_cancelled_at_once_and_a_running_one_is_told(
    agent: Agent,
) -> None:
    waiting = asked(agent)
    assert tasks.cancel(waiting.pk, Asker("bob", "page", "a typo")).state == "cancelled"
    assert Task.objects.get(pk=waiting.pk).reason == "cancelled by bob: a typo"
    one = claimed(agent)
    assert tasks.cancel(one.id, BOB).state == "running"
    assert work.look(one).cancelled_by == "bob"
    assert tasks.cancel(waiting.pk, BOB).state == "cancelled", "twice is no error"


def test_what_waits_for_an_agent_ends_with_its_deletion(agent: Agent) -> None:
    task = asked(agent)
    setups.delete(agent)
    task.refresh_from_db()
    assert (task.state, task.reason) == ("cancelled", "its agent was deleted")


def test_only_an_interrupted_task_goes_on(agent: Agent) -> None:
    one = claimed(agent)
    with pytest.raises(CannotChange, match="running, not interrupted"):
        tasks.go_on(one.id, BOB)
    work.end(one, TaskState.INTERRUPTED, "stopped")
    task = tasks.go_on(one.id, BOB)
    assert (task.state, task.ended_at) == ("queued", None)


def test_the_first_answer_counts(agent: Agent) -> None:
    one = claimed(agent)
    with pytest.raises(CannotChange, match="waits for no answer"):
        tasks.answer(one.id, "blue", BOB)
    work.ask_person(one, "Which?")
    tasks.answer(one.id, "blue", BOB)
    with pytest.raises(CannotChange):
        tasks.answer(one.id, "red", BOB)
    assert work.look(one).answer == "blue"
