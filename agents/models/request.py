"""What was asked of an agent: append-only, settled once."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from agents.models.choices import ActionChoice, Outcome


class Request(models.Model):
    """One wish. `generation` orders an agent's wishes; the latest one counts."""

    agent = models.ForeignKey(
        "agents.Agent", null=True, on_delete=models.SET_NULL, related_name="requests"
    )
    agent_name = models.CharField(max_length=63)
    action = models.CharField(max_length=8, choices=ActionChoice)
    generation = models.PositiveBigIntegerField()
    actor = models.CharField(max_length=150)
    via = models.CharField(max_length=80)
    reason = models.TextField(blank=True)
    idempotency_key = models.CharField(max_length=100, blank=True)
    at = models.DateTimeField(default=timezone.now)
    outcome = models.CharField(max_length=12, choices=Outcome, blank=True)
    detail = models.TextField(blank=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ("view",)
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["agent", "-id"], name="request_agent_newest"),
            models.Index(
                fields=["agent", "generation"],
                name="request_open",
                condition=Q(outcome=""),
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["agent", "generation"], name="request_generation_once"
            ),
            models.UniqueConstraint(
                fields=["agent", "idempotency_key"],
                name="request_idempotency_key_once",
                condition=~Q(idempotency_key=""),
            ),
            models.CheckConstraint(
                name="request_settled_has_time",
                condition=Q(outcome="", settled_at__isnull=True)
                | (~Q(outcome="") & Q(settled_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.agent_name} #{self.generation}"
