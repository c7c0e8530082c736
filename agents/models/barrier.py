"""Where agents meet: nobody goes on before all of a round have arrived."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from agents.models.choices import OnFailureChoice, RoundStateChoice


class Barrier(models.Model):
    """A meeting place. `parties`: how many meet; `members`: who, where that is known.

    `timeout` in seconds from a round's first arrival; null for none. `on_failure`:
    what it means when the run of somebody who is expected ends before it arrives.
    `generation_at`: since when its generation is the current one.
    """

    name = models.CharField(max_length=63, unique=True)
    parties = models.PositiveIntegerField()
    members = models.JSONField(default=list)
    timeout = models.FloatField(null=True)
    on_failure = models.CharField(
        max_length=5, choices=OnFailureChoice, default=OnFailureChoice.BREAK
    )
    generation = models.PositiveBigIntegerField(default=1)
    generation_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.CharField(max_length=150)

    class Meta:
        default_permissions = ("view",)
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="barrier_has_parties", condition=Q(parties__gte=1)
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Round(models.Model):
    """One generation of a barrier: over once, and for one reason.

    (`deadline_boot`, `deadline_boot_seconds`) is on the clock that does not jump.
    """

    barrier = models.ForeignKey(
        Barrier, on_delete=models.CASCADE, related_name="rounds"
    )
    generation = models.PositiveBigIntegerField()
    state = models.CharField(
        max_length=9, choices=RoundStateChoice, default=RoundStateChoice.WAITING
    )
    reason = models.TextField(blank=True)
    began_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    deadline_at = models.DateTimeField(null=True)
    deadline_boot = models.CharField(max_length=36, blank=True)
    deadline_boot_seconds = models.FloatField(null=True)

    class Meta:
        default_permissions = ("view",)
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(
                fields=["barrier"], name="round_open", condition=Q(state="waiting")
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["barrier", "generation"], name="round_generation_once"
            ),
            models.CheckConstraint(
                name="round_ended_has_time",
                condition=Q(state="waiting", ended_at__isnull=True)
                | (~Q(state="waiting") & Q(ended_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.barrier} #{self.generation}"


class Arrival(models.Model):
    """Somebody has arrived in a round. It stands, whatever becomes of who arrived."""

    round = models.ForeignKey(Round, on_delete=models.CASCADE, related_name="arrivals")
    agent = models.ForeignKey("agents.Agent", null=True, on_delete=models.SET_NULL)
    agent_name = models.CharField(max_length=63)
    run = models.ForeignKey("agents.Run", null=True, on_delete=models.SET_NULL)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ("view",)
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["round", "agent_name"], name="arrival_once_per_round"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent_name} at {self.round}"
