"""`agents tasks|task`: what was asked of agents, and what they did, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from agents.management.agentctl import selection, supervision
from agents.management.agentctl.terminal import NARROW, ROOMY, Column, Terminal
from agents.management.agentctl.wording import age, clock, number
from agents.models import Step, Task
from agents.services import task_list, transcript
from agents.services.figures import NOTHING, counted, seconds
from agents.services.task_shapes import PHASE, step_shape, task_shape
from agents.services.transcript import StepView

COLUMNS: Final = (
    Column("Task", right=True),
    Column("State", status=True),
    Column("Agent", least_width=NARROW, fold=True),
    Column("Asked", right=True, least_width=ROOMY),
    Column("Tokens", right=True, least_width=ROOMY),
    Column("Cost", right=True, least_width=ROOMY),
    Column("Prompt"),
)


def show_tasks(options: Mapping[str, Any], terminal: Terminal) -> int:
    """Tasks in a table, the newest first."""
    found = Task.objects.select_related("run", *PHASE).order_by("-pk")
    chosen = selection.by_name(options["names"])
    if options["names"]:
        found = found.filter(agent__in=[agent.pk for agent in chosen.agents])
    if options["state"]:
        found = found.filter(state=options["state"])
    rows = list(found[: options["limit"]])
    if terminal.as_json:
        terminal.json([task_shape(task) for task in rows])
    elif rows:
        terminal.table(COLUMNS, [_row(task) for task in rows])
        if len(rows) == options["limit"]:
            terminal.note(f"The newest {counted(len(rows), 'task')}; more by --limit.")
    elif chosen.agents or not options["names"]:
        terminal.note(_none(options))
    for problem in chosen.unknown.values():
        terminal.note(problem)
    return 1 if chosen.unknown else 0


def _none(options: Mapping[str, Any]) -> str:
    if options["state"]:
        return f"No task is {options['state']}."
    natives = task_list.native_names()
    if not natives:
        return "There are no tasks, and no native agent that could be asked."
    return f'There are no tasks yet: `manage.py agents ask {natives[0]} "…"`.'


def _row(task: Task) -> list[str]:
    return [
        str(task.pk),
        task.state,
        task.agent_name,
        age(task.created_at),
        task_list.tokens(task),
        task_list.price(task),
        task_list.title(task.prompt),
    ]


def show_task(options: Mapping[str, Any], terminal: Terminal) -> int:
    """One task with its steps."""
    task = Task.objects.select_related("run", *PHASE).filter(pk=options["id"]).first()
    if task is None:
        terminal.note(f"There is no task {options['id']}.")
        return 1
    if terminal.as_json:
        steps = Step.objects.filter(task=task).order_by("number")
        shape = {**task_shape(task), "steps": [step_shape(step) for step in steps]}
        terminal.json(shape)
        return 0
    terminal.block(f"task {task.pk}", task.state, _facts(task))
    page = transcript.page(task.pk)
    if page.earlier:
        terminal.note(f"{counted(page.earlier, 'earlier step')}: see --json.")
    for step in page.steps:
        _say_step(step, terminal)
    if task.result:
        terminal.say()
        terminal.say("result:")
        terminal.text(task.result)
    if not supervision.is_there() and not page.steps:
        terminal.note(supervision.caveat())
    return 0


def _facts(task: Task) -> list[tuple[str, str]]:
    facts = [
        ("agent", task.agent_name),
        ("prompt", task_list.title(task.prompt)),
        ("asked", f"{clock(task.created_at)} UTC by {task.created_by} ({task.via})"),
    ]
    if task.reason:
        facts.append(("why", task.reason))
    if task.error:
        facts.append(("error", task.error))
    if beside := task_list.beside(task):
        facts.append(("now", beside))
    if task.question and task.answer is None:
        facts.append(("question", task.question))
    if task.paths:
        facts.append(("paths", ", ".join(task.paths)))
    if task.started_at:
        ended = task.ended_at
        lasted = seconds((ended - task.started_at).total_seconds()) if ended else ""
        facts.append(("began", f"{clock(task.started_at)} UTC"))
        facts.append(("took", lasted or f"{age(task.started_at)} until now"))
    facts.append(("attempt", f"{task.attempts} of {task.max_attempts}"))
    facts.append(("run", number(task.run.number if task.run else None)))
    tokens, cost = task_list.tokens(task), task_list.price(task)
    facts.append(("tokens", tokens))
    facts.append(("cost", cost if tokens != NOTHING else NOTHING))
    return facts


def _say_step(step: StepView, terminal: Terminal) -> None:
    terminal.say()
    if step.kind == "call":
        terminal.say(f"{step.number}. {step.name} {step.summary} ({step.state_label})")
        return
    terminal.say(f"{step.number}. {step.label.lower()}")
    terminal.text(step.text.text or f"uses {', '.join(step.calls) or 'nothing'}")
