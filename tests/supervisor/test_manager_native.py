"""Native agents under the supervisor: the same requests, statuses and history."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from django.db import OperationalError

from agents.execution.assignment import Assignment
from agents.models import Budget, Provider, UsageDay
from agents.policy.states import Action, Status
from agents.services import providers, setups, tasks, usage
from agents.supervisor import handiwork
from agents.supervisor.reconciler import Reconciler
from tests.harness.native import native
from tests.harness.supervisor import TEST, Cast, Supervisor
from tests.harness.waiting import until


def call(name: str, **arguments: object) -> str:
    return f"/call {name} {json.dumps(arguments)}"


def test_it_runs_inside_the_hub_and_is_stopped_as_asked(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = native(cast).start_native()
    row = agent.look()
    assert row.pid is None
    assert "inside the hub" in row.status_reason
    assert supervisor.call(supervisor.manager.monitor_agent_health()) == {
        "thinker": True
    }
    agent.stop()
    assert agent.path() == ["starting", "running", "stopping", "stopped"]
    [run] = agent.runs()
    assert (run.exit_code, run.ended_at is not None) == (0, True)


def test_a_task_is_done_and_every_step_is_kept(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = native(cast).start_native()
    script = (
        "/think about it\n/say I write.\n"
        + call("write_file", path="note.txt", content="hello")
        + "\n/say Done."
    )
    work = agent.do(script)
    row = work.wait_for("succeeded")
    assert work.kinds() == ["user", "answer", "call", "result", "answer"]
    assert (agent.workspace / "note.txt").read_text() == "hello"
    assert row.result.endswith("Done.")
    assert row.attempts == 1
    assert [one.step for one in work.usage()] == [2, 5]
    assert row.output == sum(one.output for one in work.usage()) > 0
    assert row.cost == 0 and row.unpriced == 0
    assert "note.txt" in agent.output()


def test_tasks_wait_for_a_stopped_agent_and_are_done_once_it_runs(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = native(cast)
    work = agent.do("hello")
    agent.start_native()
    assert work.wait_for("succeeded").result.endswith("hello")


def test_a_task_is_cancelled_at_any_moment(supervisor: Supervisor, cast: Cast) -> None:
    agent = native(cast).start_native()
    running, waiting = agent.do("/pause 600"), agent.do("hello")
    running.wait_for("running")
    tasks.cancel(waiting.row.pk, TEST)
    assert waiting.look().state == "cancelled"
    tasks.cancel(running.row.pk, TEST)
    row = running.wait_for("cancelled")
    assert row.reason == "cancelled by the test"
    assert agent.look().status == Status.RUNNING


def test_stopping_interrupts_and_the_task_goes_on_when_asked(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = native(cast).start_native()
    work = agent.do(
        call("write_file", path="a.txt", content="1") + "\n/pause 0.5\n/say End."
    )
    until(lambda: "result" in work.kinds(), what="the first result")
    agent.stop()
    row = work.wait_for("interrupted")
    assert "stop of thinker asked by the test" in row.reason
    agent.start_native()
    tasks.go_on(work.row.pk, TEST)
    assert work.wait_for("succeeded").result.endswith("End.")
    assert (agent.workspace / "a.txt").read_text() == "1"


def test_a_kill_interrupts_too(supervisor: Supervisor, cast: Cast) -> None:
    agent = native(cast).start_native()
    work = agent.do("/pause 600")
    work.wait_for("running")
    agent.ask(Action.KILL)
    agent.wait_for(Status.STOPPED)
    assert work.wait_for("interrupted").reason == "the agent was killed"


def test_a_hub_that_ends_is_nobodys_failure(supervisor: Supervisor, cast: Cast) -> None:
    agent = native(cast).start_native()
    work = agent.do(
        call("write_file", path="a.txt", content="1") + "\n/pause 1\n/say End."
    )
    until(lambda: "result" in work.kinds(), what="the first result")
    supervisor.close()
    supervisor.start()
    assert work.wait_for("succeeded").attempts == 1
    assert (agent.workspace / "a.txt").read_text() == "1"
    row = agent.look()
    assert (row.status, row.restart_count) == (Status.RUNNING, 1)


def test_a_run_that_ends_without_a_word_leaves_its_tasks_to_the_next(
    supervisor: Supervisor, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(self: Assignment) -> None:
        await asyncio.Event().wait()

    agent = native(cast).start_native()
    with monkeypatch.context() as patch:
        patch.setattr(Assignment, "carry_out", silent)
        work = agent.do("hello")
        work.wait_for("running")
        agent.ask(Action.KILL)
        agent.wait_for(Status.STOPPED)
    work.wait_for("queued")
    agent.start_native()
    assert work.wait_for("succeeded").attempts == 1


def test_a_hub_ends_though_the_database_does_not_answer(
    supervisor: Supervisor, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object) -> None:
        raise OperationalError("database is locked")

    agent = native(cast).start_native()
    work = agent.do("/pause 600")
    work.wait_for("running")
    with monkeypatch.context() as patch:
        patch.setattr("agents.services.work.put_back", locked)
        supervisor.close()
    assert work.look().state == "running"
    first = work.row.run_id
    supervisor.start()
    until(lambda: work.look().run_id != first, what="the next run")
    tasks.cancel(work.row.pk, TEST)
    work.wait_for("cancelled")


def test_a_provider_without_a_key_is_a_crash_with_the_reason(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = native(cast, provider="anthropic", model="claude")
    agent.ask(Action.START)
    row = agent.wait_for(Status.CRASHED)
    assert "anthropic has no key" in row.status_reason
    assert row.restarts_total == 0


def test_an_agent_that_ends_while_others_are_spawned_disturbs_nobody(
    supervisor: Supervisor, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = native(cast, provider="anthropic", model="claude")
    spawn_all, turn = handiwork.spawn_all, Reconciler.turn
    reconciler = supervisor.manager._reconciler
    turns: list[bool] = []

    async def counted(self: Reconciler) -> None:
        await turn(self)
        turns.append(self.inside.lives(agent.row.pk))

    def ended() -> bool:
        supervisor.on_loop(supervisor.manager.wake)
        return turns[-2:] == [False, False]

    def slow(launches: Any) -> Any:
        turns.clear()
        until(ended, what="two turns after its end")
        return spawn_all(launches)

    monkeypatch.setattr(Reconciler, "turn", counted)
    monkeypatch.setattr(handiwork, "spawn_all", slow)
    agent.ask(Action.START)
    agent.wait_for(Status.CRASHED)
    assert "anthropic has no key" in agent.look().status_reason
    assert agent.path() == ["starting", "running", "crashed"]
    assert supervisor.manager._reconciler is reconciler


def test_a_failed_attempt_is_followed_by_another_and_then_by_the_reason(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = native(cast).start_native()
    work = agent.do("/fail bad_request", max_attempts=3)
    row = work.wait_for("failed")
    assert "the request was refused" in row.error
    assert row.attempts == 1, "asked again, it would be refused again"


def test_a_question_waits_for_a_persons_answer(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = native(cast).start_native()
    work = agent.do(call("ask_person", question="Which colour?") + "\n/say Thanks.")
    until(lambda: work.look().question == "Which colour?", what="the question")
    agent.wait_until(lambda row: row.activity == "waiting")
    tasks.answer(work.row.pk, "Blue", TEST)
    work.wait_for("succeeded")
    assert [one["text"] for one in work.results()] == ["Blue"]
    agent.wait_until(lambda row: row.activity == "idle")


def test_no_more_tasks_run_at_once_than_the_agent_takes(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = native(cast, max_concurrent_tasks=2).start_native()
    works = [agent.do("/pause 600") for _ in range(3)]
    works[1].wait_for("running")
    assert [one.look().state for one in works] == ["running", "running", "queued"]
    tasks.cancel(works[0].row.pk, TEST)
    works[2].wait_for("running")
    for one in works[1:]:
        tasks.cancel(one.row.pk, TEST)
        one.wait_for("cancelled")


def test_no_more_requests_at_once_than_the_provider_takes(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = native(cast, max_concurrent_tasks=2)
    demo = Provider.objects.get(name="demo")
    demo.max_concurrent = 1
    providers.save(demo)
    agent.start_native()
    first, second = agent.do("/pause 600"), agent.do("hello")
    second.wait_for("running")
    assert second.kinds() == ["user"]
    tasks.cancel(first.row.pk, TEST)
    second.wait_for("succeeded")


def test_a_changed_setup_is_told_and_taken_with_the_next_run(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = native(cast).start_native()
    agent.row.system_prompt = "Be brief."
    setups.save(agent.row)
    assert agent.look().runs_older_setup


def test_work_ends_before_the_request_that_its_budget_no_longer_has(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = native(cast).start_native()
    script = call("write_file", path="a.txt", content="1") + "\n/say End."
    whole = agent.do(script).wait_for("succeeded")
    assert whole.output > 0
    work = agent.do(script, budget={"tokens": 1})
    row = work.wait_for("cancelled")
    assert row.reason.startswith("The task's budget is 1 tokens, and ")
    assert [one.step for one in work.usage()] == [2], "one request, and no other"
    last = agent.do("/say End.", budget={"tokens": 1})
    assert last.wait_for("succeeded"), "what is done needs no money any more"


def test_a_tool_that_breaks_is_an_answer_for_the_model(
    supervisor: Supervisor, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise KeyError("oops")

    monkeypatch.setattr("agents.execution.tools.toolbox.call", broken)
    agent = native(cast).start_native()
    work = agent.do(call("list_files", path=".") + "\n/say End.")
    assert work.wait_for("succeeded").result.endswith("End.")
    [one] = work.results()
    assert one["error"]
    assert "an error of the hub (KeyError)" in one["text"]


def test_a_run_keeps_to_the_budget_of_the_provider_that_it_asks(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = native(cast).start_native()
    demo = Provider.objects.get(name="demo")
    Budget.objects.create(scope="provider", provider=demo, period="day", limit=1)
    agent.row.provider, agent.row.model = "anthropic", "claude"
    setups.save(agent.row)
    UsageDay.objects.create(
        day=usage.today(), agent_name="another", provider="demo", cost=1
    )
    row = agent.do("hello").wait_for("cancelled")
    assert row.reason.startswith("The budget for demo is $1.00 a day")


def test_what_waits_is_not_begun_once_the_money_is_gone(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = native(cast, budget={"day": 1})
    work = agent.do("hello")
    UsageDay.objects.create(
        day=usage.today(), agent=agent.row, agent_name="thinker", cost=1
    )
    agent.start_native()
    row = work.wait_for("cancelled")
    assert row.reason.startswith("The budget of thinker is $1.00 a day")
    assert work.usage() == []
    assert agent.look().status == Status.RUNNING


def test_a_follow_up_to_a_task_that_was_cut_off_does_not_do_what_that_left(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = native(cast).start_native()
    first = agent.do(
        call("ask_person", question="Which colour?")
        + "\n"
        + call("write_file", path="a.txt", content="1")
    )
    until(lambda: first.look().question, what="the question")
    tasks.cancel(first.row.pk, TEST)
    first.wait_for("cancelled")
    second = agent.do("hello", follows=first.row.pk)
    second.wait_for("succeeded")
    assert second.kinds() == ["user", "answer"]
    assert not (agent.workspace / "a.txt").exists()
