"""Following a task: its new steps, and the answer that is being given meanwhile.

Runs in the editor's thread. Where a reader is says all that it needs, so a step that it
missed comes with the next look.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from agents.live import fragments
from agents.live.demand import TaskStep
from agents.live.subscription import TaskPosition
from agents.models import Step, Task
from agents.policy.tasks import TaskState
from agents.services import live_answers, transcript
from agents.services.live_answers import Heard, Place
from agents.services.logs import LogStore


@dataclass(frozen=True, slots=True)
class Sight:
    """A task as it is until it changes. `run`: by whose file its answer comes, or 0.

    `last`: its newest step; `said_at`: when the newest was committed that is no note.
    """

    last: int
    run: int
    folder: str
    said_at: datetime | None


def sight(task_id: int) -> Sight | None:
    """What the database says of it; None when it is gone."""
    task = Task.objects.select_related("run").filter(pk=task_id).first()
    if task is None:
        return None
    run = task.run if task.state == TaskState.RUNNING else None
    last = Step.objects.filter(task=task_id).aggregate(last=Max("number"))["last"]
    said = transcript.newest_said(task_id) if run else None
    return Sight(
        last=last or 0,
        run=run.number if run else 0,
        folder=run.folder if run else "",
        said_at=said.at if said else None,
    )


def step(store: LogStore, at: TaskPosition, task: Sight) -> TaskStep | None:
    """What came since; None when there is nothing new."""
    if at.step >= task.last and at.run == task.run:
        heard = _further(store, at, task)
        if heard is None:
            return None
        if not heard.fresh:
            after = _moved(at, at.step, task, heard.place)
            return TaskStep(fragments.more_answer(heard.live, after), after)
    return _anew(store, at, _sight_again(at.id, task))


def _further(store: LogStore, at: TaskPosition, task: Sight) -> Heard | None:
    if not task.run:
        return None
    place = Place(at.offset, at.thinks)
    return live_answers.further(store, task.folder, at.id, place)


def _sight_again(task_id: int, task: Sight) -> Sight:
    """An answer that begins anew follows a step, which may be newer than our sight."""
    return sight(task_id) or task


def _anew(store: LogStore, at: TaskPosition, task: Sight) -> TaskStep:
    """New steps, and in one piece with them the answer that is not among them."""
    new = transcript.after(at.id, at.step)
    heard = None
    if task.run:
        heard = live_answers.current(store, task.folder, at.id, task.said_at)
    after = _moved(at, new.last, task, heard.place if heard else Place())
    html = fragments.steps(new.steps, beyond=at.step)
    html += fragments.answer(heard.live if heard else None, after)
    return TaskStep(html, after)


def _moved(at: TaskPosition, last: int, task: Sight, place: Place) -> TaskPosition:
    return TaskPosition(at.id, last, task.run, place.offset, place.thinks)
