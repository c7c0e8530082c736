"""The one change counter: who looks for news reads rows with `seq` above his last."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone


class Change(models.Model):
    """Something about an agent changed. Pruned by age; `seq` never repeats.

    `history`: the newest line of the history that was there by then, so that who has
    looked up to a `seq` knows which lines are new. `gone`: the name of an agent that
    was deleted, which no other row knows afterwards.
    """

    seq = models.BigAutoField(primary_key=True)
    topic = models.CharField(max_length=20)
    # No foreign key: the row outlives its agent and nobody joins it.
    agent_id = models.BigIntegerField(null=True)
    task_id = models.BigIntegerField(null=True)
    history = models.BigIntegerField(default=0)
    gone = models.CharField(max_length=63, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()
        ordering: ClassVar = ["seq"]
        indexes: ClassVar = [models.Index(fields=["at"], name="change_at")]

    def __str__(self) -> str:
        return f"{self.seq} {self.topic}"
