"""`agents ask|tasks|task|cancel|answer|go-on`: what is printed, and the exit codes."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError, OutputWrapper
from django.db import connection

from agents.management.agentctl.live_view import LiveView
from agents.management.agentctl.terminal import Terminal
from agents.models import Agent, Task
from agents.policy.tasks import TaskState
from agents.services import steps, tasks, work
from agents.services.prices import Tokens
from agents.supervisor.lock import NodeLock
from tests.harness.engine import BOB, Engine, asked, said, thinker
from tests.harness.recorded import run_of
from tests.harness.waiting import until
from tests.management.conftest import Make, Run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def folder(data: Path) -> Path:
    return data


@pytest.fixture
def agent(db: None) -> Agent:
    agent = thinker()
    run_of(agent)
    return agent


@pytest.fixture
def meanwhile() -> Iterator[Callable[[Callable[[Task], None]], None]]:
    """Do something with the task that is recorded next, beside the command."""
    threads: list[threading.Thread] = []
    failures: list[BaseException] = []

    def begin(play: Callable[[Task], None]) -> None:
        def run() -> None:
            try:
                play(until(Task.objects.first, what="a task"))
            except BaseException as error:
                failures.append(error)
            finally:
                connection.close()

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    yield begin
    for thread in threads:
        thread.join(20)
    assert failures == []


# ask


def test_without_waiting_a_task_is_recorded(
    agents: Run, agent: Agent, supervised: NodeLock
) -> None:
    answer = agents(
        "ask", "thinker", "Do it", "--paths", "a/**", "b", "--priority", "-3"
    )
    task = Task.objects.get()
    assert (answer.code, answer.out, answer.err) == (0, f"task {task.pk}\n", "")
    assert (task.prompt, task.paths, task.priority) == ("Do it", ["a/**", "b"], -3)
    assert (task.via, task.created_by.endswith("@terminal")) == ("command", True)


def test_every_option_reaches_the_task(
    agents: Run, agent: Agent, supervised: NodeLock
) -> None:
    first = asked(agent)
    options = [
        "--timeout",
        "90",
        "--attempts",
        "5",
        "--key",
        "k",
        "--follow",
        f"{first.pk}",
    ]
    answer = agents("ask", "thinker", "Do it", *options, "--json")
    shape = answer.json
    assert answer.code == 0
    assert (shape["timeout"], shape["max_attempts"]) == (90.0, 5)
    assert (shape["idempotency_key"], shape["conversation"]) == (
        "k",
        str(first.conversation),
    )


def test_a_key_that_comes_again_is_the_same_task(
    agents: Run, agent: Agent, supervised: NodeLock
) -> None:
    agents("ask", "thinker", "Do it", "--key", "k")
    answer = agents("ask", "thinker", "Do it", "--key", "k")
    assert answer.code == 0
    assert "was asked before with this key, and is queued" in answer.out
    other = agents("ask", "thinker", "Do more", "--key", "k")
    assert (other.code, Task.objects.count()) == (1, 1)
    assert "which asks for something else" in other.err


def test_a_dash_reads_the_prompt_from_stdin(
    agents: Run, agent: Agent, supervised: NodeLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("Line one\nline two\n"))
    assert agents("ask", "thinker", "-").code == 0
    assert Task.objects.get().prompt == "Line one\nline two\n"


def test_a_hub_that_does_not_run_is_said_in_words(agents: Run, agent: Agent) -> None:
    answer = agents("ask", "thinker", "Do it")
    assert answer.code == 0
    assert "No supervisor is running: the task is kept" in answer.err
    waited = agents("ask", "thinker", "Do it", "--wait", "60", "--json")
    assert (waited.code, waited.json["state"]) == (1, "queued")
    assert "start one with `manage.py hub`" in waited.err


def test_an_agent_that_does_not_run_is_said_in_words(
    agents: Run, supervised: NodeLock
) -> None:
    thinker()
    answer = agents("ask", "thinker", "Do it")
    assert (answer.code, Task.objects.count()) == (0, 1)
    assert (
        "begins when it is started with `manage.py agents start thinker`" in answer.err
    )


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (["nobody", "Do it"], "There is no agent 'nobody'."),
        (["thinker", " "], "the prompt is empty"),
        (["thinker", "x", "--follow", "4711"], "has no task 4711"),
        (["thinker", "x", "--timeout", "0"], "more than 0 s"),
        (["thinker", "x", "--attempts", "0"], "1 to 20 attempts"),
        (["thinker", "x", "--priority", "9999"], "between -1000 and 1000"),
        (["web", "Do it"], "takes no tasks"),
    ],
)
def test_what_cannot_be_asked_says_what_to_change(
    agents: Run, agent: Agent, make: Make, line: list[str], problem: str
) -> None:
    make("web")
    answer = agents("ask", *line)
    assert (answer.code, answer.out) == (1, "")
    assert problem in answer.err
    assert not Task.objects.exists()


def test_waiting_prints_the_task_and_its_result(
    agents: Run, agent: Agent, supervised: NodeLock, meanwhile: Any
) -> None:
    def play(task: Task) -> None:
        engine = Engine.at_work(task)
        engine.commit(said("It is 42."), tokens=Tokens(3, output=4))
        engine.end(result="It is 42.")

    meanwhile(play)
    answer = agents("ask", "thinker", "What is it?", "--wait", "20")
    assert answer.code == 0
    assert answer.out.endswith(": succeeded, the agent has answered\nIt is 42.\n")
    assert answer.err == ""


@pytest.mark.parametrize("state", ["failed", "cancelled", "timed_out", "interrupted"])
def test_waiting_prints_the_task_in_every_case_and_only_success_is_0(
    agents: Run, agent: Agent, supervised: NodeLock, meanwhile: Any, state: str
) -> None:
    meanwhile(lambda task: Engine.at_work(task).end(TaskState(state), error="it broke"))
    answer = agents("ask", "thinker", "Do it", "--wait", "20", "--json")
    assert (answer.code, answer.json["state"]) == (1, state)
    assert answer.json["error"] == "it broke"


def test_waiting_has_an_end(agents: Run, agent: Agent, supervised: NodeLock) -> None:
    answer = agents("ask", "thinker", "Do it", "--wait", "0.2")
    assert answer.code == 1
    assert ": queued" in answer.out
    assert "is still queued after 0.2 s" in answer.err


# While it waits at a terminal


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def screen() -> Screen:
    return Screen()


def view_of(task: Task, screen: Screen) -> LiveView:
    terminal = Terminal(OutputWrapper(io.StringIO()), OutputWrapper(screen), {})
    return LiveView(task.pk, terminal)


def test_the_answer_streams_to_a_terminal(agent: Agent, screen: Screen) -> None:
    engine = Engine.at_work(task := asked(agent))
    view = view_of(task, screen)
    view.show()
    view.look(Task.objects.select_related("run").get(pk=task.pk))
    engine.begin()
    engine.think("Hm.")
    engine.say("It \x1b[31mis")
    view.show()
    engine.say(" good")
    view.show()
    assert screen.getvalue() == "It  [31mis good"
    engine.begin()
    engine.say("Again\n")
    view.show()
    view.end()
    assert screen.getvalue() == "It  [31mis good\nAgain\n"


def test_a_question_is_told_with_how_to_answer_once(
    agent: Agent, screen: Screen
) -> None:
    engine = Engine.at_work(task := asked(agent))
    work.ask_person(engine.task, "Which?")
    view = view_of(task, screen)
    for _ in range(2):
        view.look(Task.objects.select_related("run").get(pk=task.pk))
    assert screen.getvalue().count("It asks: Which?") == 1
    assert f"agents answer {task.pk}" in screen.getvalue()


# tasks and task


def test_tasks_are_listed_newest_first_and_narrowed(agents: Run, agent: Agent) -> None:
    first = asked(agent, "first")
    second = asked(thinker("other"), "second")
    tasks.cancel(first.pk, BOB)
    shapes = agents("tasks", "--json").json
    assert [shape["id"] for shape in shapes] == [second.pk, first.pk]
    assert [s["id"] for s in agents("tasks", "thinker", "--json").json] == [first.pk]
    assert agents("tasks", "--state", "queued", "--json").json[0]["id"] == second.pk
    table = agents("tasks").out.splitlines()
    assert table[0].split() == [
        "TASK",
        "STATE",
        "AGENT",
        "ASKED",
        "TOKENS",
        "COST",
        "PROMPT",
    ]
    assert table[1].endswith("second")


def test_no_tasks_says_what_to_do(agents: Run, make: Make) -> None:
    assert "no native agent" in agents("tasks").err
    thinker()
    assert "agents ask thinker" in agents("tasks").err
    assert agents("tasks", "--json").json == []
    assert "No task is failed" in agents("tasks", "--state", "failed").err
    unknown = agents("tasks", "nobody")
    assert (unknown.code, unknown.err) == (1, "There is no agent 'nobody'.\n")


def test_a_task_is_shown_with_its_steps(agents: Run, agent: Agent) -> None:
    engine = Engine.at_work(task := asked(agent))
    engine.commit(said("Let me look", calls=["read_file"]))
    engine.commit(steps.call("c", "read_file", {"path": "a.txt"}))
    engine.commit(steps.result("c", "read_file", "hello"))
    engine.commit(said("It says hello."), tokens=Tokens(7))
    engine.end(result="It says hello.")
    answer = agents("task", str(task.pk))
    assert answer.code == 0
    assert answer.out.startswith(f"task {task.pk}: succeeded\n")
    assert "3. read_file a.txt (done)\n" in answer.out
    assert answer.out.endswith("result:\n   It says hello.\n")
    shape = agents("task", f"#{task.pk}", "--json").json
    assert [step["kind"] for step in shape["steps"]] == [
        "user",
        "answer",
        "call",
        "result",
        "answer",
    ]
    assert shape["usage"]["input"] == 7


def test_no_task_is_a_failure(agents: Run) -> None:
    for line in (["task", "4711"], ["cancel", "4711"], ["answer", "4711", "x"]):
        answer = agents(*line)
        assert (answer.code, answer.err) == (1, "There is no task 4711.\n")


@pytest.mark.parametrize(
    "line",
    [["task", "x"], ["task", "-1"], ["cancel"], ["ask", "thinker"], ["answer", "1"]],
)
def test_a_line_that_is_wrong_is_misuse(agents: Run, line: list[str]) -> None:
    with pytest.raises(CommandError):
        agents(*line)


# cancel, answer, go-on


def test_cancelling_says_what_became_of_each(agents: Run, agent: Agent) -> None:
    running = asked(agent, "now")
    Engine.at_work(running)
    waiting = asked(agent, "later")
    answer = agents("cancel", str(running.pk), str(waiting.pk), "4711")
    assert answer.code == 1
    assert f"task {running.pk}: is being cancelled\n" in answer.out
    assert f"task {waiting.pk}: cancelled, cancelled by" in answer.out
    assert answer.err == "There is no task 4711.\n"
    again = agents("cancel", str(waiting.pk), "--json")
    assert (again.code, again.json[0]["state"]) == (0, "cancelled")


def test_a_question_is_answered(agents: Run, agent: Agent) -> None:
    engine = Engine.at_work(task := asked(agent))
    refused = agents("answer", str(task.pk), "this")
    assert (refused.code, "waits for no answer" in refused.err) == (1, True)
    work.ask_person(engine.task, "Which?")
    answer = agents("answer", str(task.pk), "this")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == f"task {task.pk}: running, and its question is answered\n"
    task.refresh_from_db()
    assert task.answer == "this"


def test_an_interrupted_task_goes_on(agents: Run, agent: Agent) -> None:
    engine = Engine.at_work(task := asked(agent))
    refused = agents("go-on", str(task.pk))
    assert (refused.code, "not interrupted" in refused.err) == (1, True)
    engine.end(TaskState.INTERRUPTED)
    answer = agents("go-on", str(task.pk))
    assert (answer.code, answer.out.startswith(f"task {task.pk}: queued")) == (0, True)
