"""`agents ask|cancel|answer|go-on`: what people ask of agents' work, and what came."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from agents.management.agentctl import selection, supervision
from agents.management.agentctl.asker import who
from agents.management.agentctl.live_view import LiveView
from agents.management.agentctl.phase_parser import phase
from agents.management.agentctl.terminal import Terminal
from agents.models import Agent, Task
from agents.policy.states import ALIVE
from agents.policy.tasks import TaskState
from agents.services import changes, tasks
from agents.services.figures import seconds
from agents.services.lifecycle import Asker
from agents.services.task_shapes import PHASE, task_shape
from agents.services.tasks import Ask, CannotAsk, CannotChange

EVERY: Final = 0.05
NO_SUPERVISOR: Final = (
    f"No supervisor is running: the task is kept; {supervision.START_ONE}."
)
FROM_STDIN: Final = "-"


def ask(options: Mapping[str, Any], terminal: Terminal) -> int:
    """Record a task; with --wait print it in every case, 0 only if it succeeded."""
    chosen = selection.by_name([options["name"]])
    for problem in chosen.unknown.values():
        terminal.note(problem)
        return 1
    (agent,) = chosen.agents
    prompt = options["prompt"]
    try:
        wanted = Ask(
            prompt=sys.stdin.read() if prompt == FROM_STDIN else prompt,
            paths=options["paths"] or (),
            priority=options["priority"],
            timeout=options["timeout"],
            max_attempts=options["attempts"],
            idempotency_key=options["key"],
            follows=options["follow"],
            phase=phase(options),
        )
        task, new = tasks.ask(agent.pk, wanted, _asker())
    except UnicodeDecodeError as error:
        terminal.note(f"What stdin says is no UTF-8 text: {error}.")
        return 1
    except CannotAsk as error:
        terminal.note(str(error))
        return 1
    patience = options["wait"]
    if not supervision.is_there(agent.node):
        terminal.note(NO_SUPERVISOR)
        patience = None if patience is None else 0.0
    elif agent.status not in ALIVE:
        terminal.note(_not_running(agent))
    if patience is None:
        return _say_recorded(task, new, terminal)
    return _wait(task, patience, terminal)


def _not_running(agent: Agent) -> str:
    return (
        f"{agent.name} is {agent.status}: the task is kept, and begins when it is "
        f"started with `manage.py agents start {agent.name}`."
    )


def _say_recorded(task: Task, new: bool, terminal: Terminal) -> int:
    if terminal.as_json:
        terminal.json(task_shape(task))
        return 0
    already = "" if new else f" was asked before with this key, and is {task.state}"
    terminal.say(f"task {task.pk}{already}")
    return 0


def _wait(task: Task, timeout: float, terminal: Terminal) -> int:
    """Follow it to its end; Ctrl-C and the end of the time leave it as it is."""
    begun = time.monotonic()
    view = LiveView(task.pk, terminal)
    try:
        task = _watched(task, begun + timeout, view)
    except KeyboardInterrupt:
        terminal.note("No longer waiting; the task goes on.")
        task = _fresh(task)
    finally:
        view.end()
    _print(task, terminal)
    if not tasks.finished(task) and timeout:
        took = seconds(time.monotonic() - begun)
        terminal.note(f"Task {task.pk} is still {task.state} after {took}.")
    return 0 if task.state == TaskState.SUCCEEDED else 1


def _watched(task: Task, deadline: float, view: LiveView) -> Task:
    glance = changes.Glance()
    while True:
        if glance.anything_new():
            task = _fresh(task)
            view.look(task)
        view.show()
        left = deadline - time.monotonic()
        if tasks.finished(task) or left <= 0:
            return task
        time.sleep(min(EVERY, left))


def _fresh(task: Task) -> Task:
    found = Task.objects.select_related("run", *PHASE).filter(pk=task.pk).first()
    return found or task


def _print(task: Task, terminal: Terminal) -> None:
    """How it is, then its result as it is."""
    if terminal.as_json:
        terminal.json(task_shape(task))
        return
    terminal.say(_outcome(task))
    if task.result:
        terminal.raw(task.result.encode(errors="replace") + b"\n")


def cancel(options: Mapping[str, Any], terminal: Terminal) -> int:
    """End tasks; those that have ended already are no failure."""
    return _each(options["ids"], lambda pk: tasks.cancel(pk, _asker()), terminal)


def go_on(options: Mapping[str, Any], terminal: Terminal) -> int:
    """Queue an interrupted task again."""
    return _each([options["id"]], lambda pk: tasks.go_on(pk, _asker()), terminal)


def answer(options: Mapping[str, Any], terminal: Terminal) -> int:
    """Answer an agent's question."""
    text = options["text"]
    if text == FROM_STDIN:
        text = sys.stdin.read()
    return _each([options["id"]], lambda pk: tasks.answer(pk, text, _asker()), terminal)


def _each(ids: list[int], do: Callable[[int], Task], terminal: Terminal) -> int:
    done, failed = [], False
    for pk in dict.fromkeys(ids):
        try:
            done.append(do(pk))
        except Task.DoesNotExist:
            failed = True
            terminal.note(f"There is no task {pk}.")
        except CannotChange as error:
            failed = True
            terminal.note(str(error))
    if terminal.as_json:
        terminal.json([task_shape(_fresh(task)) for task in done])
    for task in done:
        terminal.say(_outcome(task))
    return int(failed)


def _outcome(task: Task) -> str:
    if task.state == TaskState.RUNNING and task.cancel_asked_at is not None:
        return f"task {task.pk}: is being cancelled"
    if task.question and task.answer is not None:
        return f"task {task.pk}: {task.state}, and its question is answered"
    why = task.error or task.question or task.reason
    return f"task {task.pk}: {task.state}" + (f", {why}" if why else "")


def _asker() -> Asker:
    return Asker(actor=who(), via="command")
