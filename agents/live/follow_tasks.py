"""Following a task for programs: how it is, and each step once. In the editor's
thread."""

from __future__ import annotations

from typing import Final

from agents.live.digest import dumps
from agents.live.places import Answer, TaskPlace, Told
from agents.live.subscription import Malformed
from agents.models import Step, Task
from agents.services.task_shapes import PHASE, step_shape, task_shape

# Of one message: steps, and characters of them beyond which no other is added.
MOST_STEPS: Final = 100
MOST_TEXT: Final = 256 * 1024


def begin(task_id: int, step: int | None, seq: int) -> Answer:
    """The task with its first steps, or those after the one that a program has.

    Raises Malformed where there is no such task.
    """
    data, place = _read(TaskPlace(task_id, seq, step or 0))
    if data is None:
        raise Malformed(f"there is no task {task_id}")
    return Answer(data, place, seq, resumed=step is not None)


def told(place: TaskPlace, seq: int, *, changed: bool) -> Told | None:
    """What came since, or that nothing did."""
    here = TaskPlace(place.id, seq, place.step, place.more)
    if not changed and not place.more:
        return Told((), here, seq) if place.seq < seq else None
    data, moved = _read(here)
    return Told((data or '{"task":null,"steps":[]}',), moved, seq)


def agent_of(task_id: int) -> int | None:
    """Whose task it is; None where there is no such task, or its agent is gone."""
    owner = Task.objects.filter(pk=task_id).values_list("agent_id", flat=True)
    return owner.first()


def _read(place: TaskPlace) -> tuple[str | None, TaskPlace]:
    found = Task.objects.select_related("run", *PHASE).defer("run__setup")
    task = found.filter(pk=place.id).first()
    if task is None:
        return None, TaskPlace(place.id, place.seq, place.step)
    later = Step.objects.filter(task=task, number__gt=place.step).order_by("number")
    texts: list[str] = []
    last, size, more = place.step, 0, False
    for step in later[: MOST_STEPS + 1]:
        if len(texts) == MOST_STEPS or size > MOST_TEXT:
            more = True
            break
        texts.append(dumps(step_shape(step)))
        last, size = step.number, size + len(texts[-1])
    data = f'{{"task":{dumps(task_shape(task))},"steps":[{",".join(texts)}]}}'
    return data, TaskPlace(place.id, place.seq, last, more)
