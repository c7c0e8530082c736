"""The history: one row for each change of an agent's status."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from agents.models.choices import StatusChoice


class StatusChange(models.Model):
    """From what to what, why, who told, who asked, in which run, when."""

    agent = models.ForeignKey(
        "agents.Agent",
        null=True,
        on_delete=models.SET_NULL,
        related_name="status_changes",
    )
    agent_name = models.CharField(max_length=63)
    from_status = models.CharField(max_length=10, choices=StatusChoice)
    to_status = models.CharField(max_length=10, choices=StatusChoice)
    reason = models.TextField()
    source = models.CharField(max_length=40)
    actor = models.CharField(max_length=150, blank=True)
    run = models.ForeignKey("agents.Run", null=True, on_delete=models.SET_NULL)
    at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["agent", "-id"], name="status_change_agent_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.agent_name}: {self.from_status} to {self.to_status}"
