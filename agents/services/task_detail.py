"""The read side of one task: everything its page says beside the transcript."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from agents.models import Task
from agents.models.choices import Kind
from agents.policy.states import ALIVE
from agents.policy.tasks import FINISHED, TaskState
from agents.services import brake, figures, phase_view, task_list, task_locks, touched
from agents.services.figures import Stamp
from agents.services.task_list import TaskRow
from agents.services.task_shapes import PHASE, usage

NEIGHBOURS: Final = 20
# Of a longer prompt or result the beginning is shown (characters).
LONGEST: Final = 20_000
NOBODY: Final = "The agent does not run: it begins when the agent is started."


@dataclass(frozen=True, slots=True)
class TaskDetail:
    """One task. `waits`: why it has not begun; `arrives`: at which barrier;
    `unpriced`: its cost is not all known; `followable`: there is an agent to ask on.
    """

    row: TaskRow
    prompt: str
    via: str
    paths: tuple[str, ...]
    arrives: str
    touched: str
    timeout: str
    attempts: int
    max_attempts: int
    not_before: Stamp | None
    started_at: Stamp | None
    ended_at: Stamp | None
    run: int | None
    run_url: str
    waits: str
    question: str
    answer: str | None
    answered_by: str
    result: str
    error: str
    usage: tuple[tuple[str, str], ...]
    unpriced: bool
    conversation: tuple[TaskRow, ...]
    may_cancel: bool
    may_go_on: bool
    followable: bool

    @property
    def locked_out(self) -> bool:
        """Whether it is a lock that it waits for."""
        return bool(self.waits) and self.row.state != TaskState.QUEUED

    @property
    def why(self) -> str:
        """Why it is in its state, where `waits` does not say so anew."""
        waiting = self.row.state == TaskState.WAITING_FOR_LOCK
        return "" if self.waits and waiting else self.row.reason

    @property
    def asks(self) -> bool:
        """Whether it waits for a person's answer."""
        return bool(self.question) and self.answer is None


def detail(task_id: int) -> TaskDetail | None:
    """One task; None when there is no such."""
    rows = Task.objects.select_related("run", "agent", *PHASE)
    task = rows.filter(pk=task_id).first()
    if task is None:
        return None
    state = TaskState(task.state)
    row = task_list.row(task)
    return TaskDetail(
        row=row,
        prompt=_cut(task.prompt),
        via=task.via,
        paths=tuple(task.paths),
        arrives=phase_view.arrival_words(task),
        touched=touched.words(task.touched).capitalize(),
        timeout=figures.seconds(task.timeout) if task.timeout else "",
        attempts=task.attempts,
        max_attempts=task.max_attempts,
        not_before=figures.stamp_or_none(
            task.not_before if state is TaskState.QUEUED else None
        ),
        started_at=figures.stamp_or_none(task.started_at),
        ended_at=figures.stamp_or_none(task.ended_at),
        run=task.run.number if task.run else None,
        run_url=f"{row.agent_url}?run={task.run.number}" if task.run else "",
        waits=_waits(task, state),
        question=task.question if state is TaskState.RUNNING else "",
        answer=task.answer,
        answered_by=task.answered_by,
        result=_cut(task.result),
        error=_cut(task.error),
        usage=tuple(
            (name.replace("_", " ").capitalize(), f"{number:,}")
            for name, number in usage(task).items()
        ),
        unpriced=bool(task.unpriced),
        conversation=_conversation(task),
        may_cancel=state not in FINISHED and task.cancel_asked_at is None,
        may_go_on=state is TaskState.INTERRUPTED and task.agent is not None,
        followable=task.agent is not None and task.agent.kind == Kind.NATIVE_LLM,
    )


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def _waits(task: Task, state: TaskState) -> str:
    if state in (TaskState.WAITING_FOR_LOCK, TaskState.RUNNING):
        return task_locks.standing(task.pk)
    if state is not TaskState.QUEUED:
        return ""
    if task.agent is None:
        return "Its agent has been deleted: it will not begin."
    if words := phase_view.waiting_words(task):
        return words
    if (held := brake.pulled()) is not None:
        return f"It waits for the release of {brake.words(held)}."
    return "" if task.agent.status in ALIVE else NOBODY


def _conversation(task: Task) -> tuple[TaskRow, ...]:
    """The tasks of its conversation, if there are others, in order."""
    tasks = Task.objects.only(*task_list.ROW_FIELDS)
    others = tasks.filter(conversation=task.conversation).order_by("-pk")
    found = list(others[:NEIGHBOURS])[::-1]
    return tuple(task_list.row(one) for one in found) if len(found) > 1 else ()
