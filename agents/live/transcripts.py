"""Following a task: its new steps, and the answer that is being given meanwhile.

Runs in the editor's thread. Where a reader is says all that it needs, so a step that it
missed comes with the next look.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Max

from agents.live import fragments
from agents.live.demand import TaskStep
from agents.live.subscription import TaskPosition
from agents.models import Step
from agents.services import live_answers, transcript
from agents.services.live_answers import Heard, Place, Source
from agents.services.logs import LogStore


@dataclass(frozen=True, slots=True)
class Sight:
    """A task as it is until it changes: its newest step, and where its answer comes."""

    last: int
    source: Source


def sight(task_id: int) -> Sight:
    """What the database says of it."""
    last = Step.objects.filter(task=task_id).aggregate(last=Max("number"))["last"]
    return Sight(last or 0, live_answers.source_of(task_id))


def step(store: LogStore, at: TaskPosition, task: Sight) -> TaskStep | None:
    """What came since; None when there is nothing new."""
    if at.step >= task.last and at.run == task.source.run:
        heard = _further(store, at, task.source)
        if heard is None:
            return None
        if not heard.fresh:
            after = _moved(at, at.step, at.run, heard.place)
            return TaskStep(fragments.more_answer(heard.live, after), after)
    return _anew(store, at)


def _further(store: LogStore, at: TaskPosition, source: Source) -> Heard | None:
    if not source.run:
        return None
    return live_answers.further(store, source, Place(at.offset, at.thinks))


def _anew(store: LogStore, at: TaskPosition) -> TaskStep:
    """New steps, and in one piece with them the answer that is not among them.

    An answer that begins anew follows a step that may be newer than our sight. The
    steps are read first: what becomes one meanwhile is shown once, a look later.
    """
    new = transcript.after(at.id, at.step)
    source = live_answers.source_of(at.id)
    heard = live_answers.current(store, source) if source.run else None
    after = _moved(at, new.last, source.run, heard.place if heard else Place())
    html = fragments.steps(new.steps, beyond=at.step)
    html += fragments.answer(heard.live if heard else None, after)
    return TaskStep(html, after)


def _moved(at: TaskPosition, last: int, run: int, place: Place) -> TaskPosition:
    return TaskPosition(at.id, last, run, place.offset, place.thinks)
