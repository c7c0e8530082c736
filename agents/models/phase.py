"""Phases of work: what arrives at a barrier once it has succeeded, and what waits."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from agents.models.choices import ExpectedStateChoice


class AfterBarrier(models.Model):
    """Work that begins only once all have arrived: `waits_for` a round of a barrier,
    null as soon as it waits no longer.
    """

    waits_for = models.ForeignKey(
        "agents.Barrier",
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    waits_generation = models.PositiveBigIntegerField(null=True)

    class Meta:
        abstract = True


class ExpectedArrival(models.Model):
    """A task that arrives for its agent in this round when it has succeeded; or an
    `item` of a batch, whose `task` is known once it was asked. `at`: since when.
    """

    barrier = models.ForeignKey(
        "agents.Barrier", on_delete=models.CASCADE, related_name="expected"
    )
    generation = models.PositiveBigIntegerField()
    agent_name = models.CharField(max_length=63)
    task = models.OneToOneField(
        "agents.Task", null=True, on_delete=models.CASCADE, related_name="arrival"
    )
    item = models.OneToOneField(
        "agents.BatchItem", null=True, on_delete=models.SET_NULL, related_name="arrival"
    )
    state = models.CharField(
        max_length=7, choices=ExpectedStateChoice, default=ExpectedStateChoice.AWAITED
    )
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            models.Index(
                fields=["barrier", "generation"],
                name="arrival_awaited",
                condition=Q(state="awaited"),
            ),
        ]

    def __str__(self) -> str:
        return f"work of {self.agent_name} for {self.barrier} #{self.generation}"
