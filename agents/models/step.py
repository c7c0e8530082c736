"""One step of a task, committed as it ends: the durable transcript."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from agents.models.choices import StepKindChoice


class Step(models.Model):
    """What was said, called, answered or noted. Never changed, never reordered.

    `data` by kind is described in `services.steps`. `attempt`: of the task.
    """

    task = models.ForeignKey(
        "agents.Task", on_delete=models.CASCADE, related_name="steps"
    )
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=8, choices=StepKindChoice)
    attempt = models.PositiveSmallIntegerField()
    at = models.DateTimeField(default=timezone.now)
    data = models.JSONField(default=dict)

    class Meta:
        default_permissions = ("view",)
        ordering: ClassVar = ["task", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["task", "number"], name="step_number_once"),
        ]

    def __str__(self) -> str:
        return f"step {self.number} of task {self.task_id}"
