"""The fleet brake: who pulled it, when and why, and who released it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone


class Brake(models.Model):
    """One pull; `pulled` until it is released, and so at most one of all.

    `stops`: agents were stopped, else left; `interrupts`: work was interrupted, else
    left to finish. `stopped`: [{"agent", "name", "generation"}] of those it stopped,
    with the request that did it; `interrupted`: the ids of the tasks; `awaited`: the
    ids of the agents that are stopped once they have finished their work.
    (`made_boot`, `made_boot_seconds`): when, on the clock that does not jump.
    """

    pulled = models.BooleanField(default=True)
    pulled_at = models.DateTimeField(default=timezone.now)
    pulled_by = models.CharField(max_length=150)
    via = models.CharField(max_length=80)
    reason = models.TextField()
    made_boot = models.CharField(max_length=36)
    made_boot_seconds = models.FloatField()
    stops = models.BooleanField("agents were stopped")
    interrupts = models.BooleanField("work was interrupted")
    stopped = models.JSONField(default=list)
    interrupted = models.JSONField(default=list)
    awaited = models.JSONField(default=list)
    released_at = models.DateTimeField(null=True)
    released_by = models.CharField(max_length=150, blank=True)
    release_reason = models.TextField(blank=True)
    went_on = models.BooleanField("what it ended goes on again", default=False)

    class Meta:
        default_permissions = ("view",)
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["pulled"], name="brake_pulled_once", condition=Q(pulled=True)
            ),
            models.CheckConstraint(
                name="brake_released_has_time",
                condition=Q(pulled=True, released_at__isnull=True)
                | Q(pulled=False, released_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"brake pulled by {self.pulled_by}: {self.reason}"
