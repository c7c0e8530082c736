"""What is waited for in tasks, judged from rows alone: an end, or a further step.

Blocking; every look is one or two small queries.
"""

from __future__ import annotations

from agents.models import Step, Task
from agents.policy.tasks import FINISHED, TaskState


class TaskEnd:
    """Until a task has ended, or is gone."""

    def __init__(self, task_id: int) -> None:
        self._task_id = task_id
        self._done = False

    @property
    def done(self) -> bool:
        """What the last look saw."""
        return self._done

    def look(self) -> None:
        """See whether it has come."""
        self._done = self._has_ended()

    def give_up(self, why: str) -> None:
        """Nobody has to be told why: who waited reads the task as it is."""
        self.look()

    def _has_ended(self) -> bool:
        states = Task.objects.filter(pk=self._task_id).values_list("state", flat=True)
        state = states.first()
        return state is None or TaskState(state) in FINISHED


class NextStep(TaskEnd):
    """Until a task has a step after this number, or can have none."""

    def __init__(self, task_id: int, after: int) -> None:
        super().__init__(task_id)
        self._later = Step.objects.filter(task=task_id, number__gt=after)

    def look(self) -> None:
        """See whether there is one."""
        self._done = self._later.exists() or self._has_ended()
