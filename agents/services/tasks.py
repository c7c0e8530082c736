"""What people ask of an agent's work: a Task row for each, then the bell.

Nothing acts here. A task is recorded whole before anybody is told of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from agents.models import Agent, Task
from agents.models.choices import Kind
from agents.policy import budgets as rules
from agents.policy.tasks import FINISHED, OPEN, TaskState
from agents.services import (
    bell,
    budgets,
    changes,
    locks,
    phases,
    retention,
    task_locks,
)
from agents.services.lifecycle import Asker
from agents.services.phases import BadPhase, Phase

LONGEST_PROMPT: Final = 1_000_000
LONGEST_KEY: Final = 100
MOST_PATHS: Final = 100


class CannotAsk(ValueError):
    """The task is not recorded; the message says what to change, `field` where."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class CannotChange(ValueError):
    """The task is not as that would need; the message says how it is."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked. `timeout` in seconds; `follows`: a task to go on from.

    `budget`: the most it may use, `{"usd": 1.5, "tokens": 200000}` or one of them.
    `phase`: where it stands among other work, by barriers.
    """

    prompt: str
    paths: Sequence[str] = ()
    priority: int = 0
    timeout: float | None = None
    max_attempts: int = 3
    idempotency_key: str = ""
    follows: int | None = None
    budget: Mapping[str, Any] = field(default_factory=dict)
    phase: Phase = field(default_factory=Phase)


def ask(agent_id: int, wanted: Ask, asker: Asker) -> tuple[Task, bool]:
    """Record a task and ring; the task, and whether it is new.

    A key that this agent has seen gives the earlier task. Raises CannotAsk.
    """
    for name, text in problems(wanted).items():
        raise CannotAsk(text, name)
    with transaction.atomic():
        agent = Agent.objects.select_for_update().get(pk=agent_id)
        if wanted.idempotency_key:
            earlier = Task.objects.filter(
                agent=agent, idempotency_key=wanted.idempotency_key
            ).first()
            if earlier is not None:
                if earlier.prompt != wanted.prompt:
                    raise CannotAsk(
                        f"The idempotency key {wanted.idempotency_key!r} was used for "
                        f"task {earlier.pk}, which asks for something else.",
                        "idempotency_key",
                    )
                return earlier, False
        if agent.kind != Kind.NATIVE_LLM:
            raise CannotAsk(program_refusal(agent.name))
        if refusal := task_locks.problem(agent, wanted.paths):
            raise CannotAsk(refusal, "paths")
        if refusal := budgets.refusal(agent.pk):
            raise CannotAsk(refusal)
        task = _recorded(agent, wanted, asker)
    return task, True


def program_refusal(name: str) -> str:
    """Why an agent that is a program is not asked."""
    return (
        f"{name} runs a program and takes no tasks. Ask an agent of the kind "
        "native_llm."
    )


def _recorded(agent: Agent, wanted: Ask, asker: Asker) -> Task:
    task = Task(
        agent=agent,
        agent_name=agent.name,
        prompt=wanted.prompt,
        paths=list(wanted.paths),
        priority=wanted.priority,
        timeout=wanted.timeout,
        max_attempts=wanted.max_attempts,
        budget=dict(wanted.budget),
        idempotency_key=wanted.idempotency_key,
        created_by=asker.actor,
        via=asker.via,
        reason=f"asked by {asker.actor}",
    )
    if wanted.follows is not None:
        earlier = Task.objects.filter(pk=wanted.follows, agent=agent).first()
        if earlier is None:
            raise CannotAsk(
                f"{agent.name} has no task {wanted.follows} to go on from.", "follows"
            )
        if retention.is_forgotten(earlier):
            raise CannotAsk(
                f"What was said in task {earlier.pk} is not kept any more, so nobody "
                "can go on from it. Ask anew, with all that has to be known."
            )
        task.conversation = earlier.conversation
    waiting = Task.objects.filter(
        conversation=task.conversation, waits_for__isnull=False
    )
    try:
        bound = phases.bind(wanted.phase, [agent.name], asker.actor, waiting)
    except BadPhase as error:
        raise CannotAsk(str(error), error.field) from None
    if bound.waits is not None:
        task.waits_for, task.waits_generation = bound.waits
        task.reason += f"; {phases.words(bound.waits)}"
    task.save(force_insert=True)
    phases.expect_task(task, bound.arrives)
    _tell(task)
    return task


def problems(wanted: Ask) -> dict[str, str]:
    """What is wrong with it whoever is asked, by field."""
    found = {
        "prompt": _prompt_problem(wanted.prompt),
        "budget": rules.task_problem(wanted.budget),
    }
    if wanted.timeout is not None and not 0 < wanted.timeout <= 30 * 86_400:
        found["timeout"] = "A timeout is more than 0 s and 30 days at most."
    if not 1 <= wanted.max_attempts <= 20:
        found["max_attempts"] = "Give 1 to 20 attempts."
    if not -1000 <= wanted.priority <= 1000:
        found["priority"] = "A priority is between -1000 and 1000; 0 is the usual one."
    if len(wanted.idempotency_key) > LONGEST_KEY:
        found["idempotency_key"] = (
            f"An idempotency key has {LONGEST_KEY} characters at most."
        )
    if len(wanted.paths) > MOST_PATHS or not all(wanted.paths):
        found["paths"] = f"Name up to {MOST_PATHS} paths, none of them empty."
    if wrong := phases.problem(wanted.phase):
        found[wrong[0]] = wrong[1]
    return {name: text for name, text in found.items() if text}


def _prompt_problem(text: str) -> str | None:
    if not text.strip():
        return "Say what is to be done: the prompt is empty."
    if len(text) > LONGEST_PROMPT:
        return (
            f"The prompt has {len(text):,} characters, and {LONGEST_PROMPT:,} are the "
            "most. Put the text into a file of the workspace."
        )
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        return "The prompt has characters that are no text (NUL or half)."
    return None


def cancel(task_id: int, asker: Asker) -> Task:
    """End a task: at once if it waits, else as soon as its agent hears of it.

    Already ended is no error. Raises Task.DoesNotExist.
    """
    now = timezone.now()
    words = f"cancelled by {asker.actor}" + (
        f": {asker.reason}" if asker.reason else ""
    )
    with transaction.atomic():
        locks.steady(task_id)
        waiting = Task.objects.filter(
            pk=task_id, state__in=(TaskState.QUEUED, TaskState.WAITING_FOR_LOCK)
        )
        done = waiting.update(
            state=TaskState.CANCELLED,
            reason=words,
            ended_at=now,
            waits_for=None,
            waits_generation=None,
        )
        if done:
            locks.release_of_task(task_id, words)
        else:
            done = Task.objects.filter(
                pk=task_id, state=TaskState.RUNNING, cancel_asked_at=None
            ).update(cancel_asked_at=now, cancel_asked_by=asker.actor)
        task = Task.objects.get(pk=task_id)
        if done:
            _tell(task)
    return task


def end_all_of(agent_id: int) -> None:
    """The agent is about to be deleted: nobody will work on what is open."""
    open_ones = Task.objects.filter(agent=agent_id, state__in=OPEN)
    ids = list(open_ones.values_list("pk", flat=True))
    open_ones.update(
        state=TaskState.CANCELLED,
        reason="its agent was deleted",
        ended_at=timezone.now(),
        question="",
        waits_for=None,
        waits_generation=None,
    )
    for task_id in ids:
        locks.release_of_task(task_id, "its agent was deleted")
        changes.append_task(agent_id, task_id)


def go_on(task_id: int, asker: Asker) -> Task:
    """Queue an interrupted task again, to go on from its last step.

    Raises Task.DoesNotExist, and CannotChange if it is not interrupted.
    """
    with transaction.atomic():
        queued = Task.objects.filter(
            pk=task_id, state=TaskState.INTERRUPTED, agent__isnull=False
        ).update(
            state=TaskState.QUEUED,
            reason=f"to go on, as asked by {asker.actor}",
            ended_at=None,
            cancel_asked_at=None,
            cancel_asked_by="",
            interrupt_reason="",
        )
        task = Task.objects.get(pk=task_id)
        if not queued:
            raise CannotChange(f"Task {task_id} is {task.state}, not interrupted.")
        _tell(task)
    return task


def answer(task_id: int, text: str, asker: Asker) -> Task:
    """Answer what the agent has asked; the first answer counts.

    Raises Task.DoesNotExist, and CannotChange if no question is open.
    """
    if not text.strip():
        raise CannotChange("Say something: the answer is empty.")
    with transaction.atomic():
        answered = (
            Task.objects.filter(pk=task_id, state=TaskState.RUNNING, answer=None)
            .exclude(question="")
            .update(answer=text, answered_by=asker.actor)
        )
        task = Task.objects.get(pk=task_id)
        if not answered:
            raise CannotChange(f"Task {task_id} waits for no answer.")
        _tell(task)
    return task


def finished(task: Task) -> bool:
    """Whether nothing more happens to it unless somebody asks."""
    return TaskState(task.state) in FINISHED


def _tell(task: Task) -> None:
    changes.append_task(task.agent_id, task.pk)
    node = task.agent.node if task.agent else "local"
    transaction.on_commit(lambda: bell.ring(node))
