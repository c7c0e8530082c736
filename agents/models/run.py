"""One life of an agent's program, from before its spawn until its tree is empty."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q


class Run(models.Model):
    """A run is committed before its spawn and closed when its tree is empty.

    `pid`, `start_ticks` and `boot` together name the process; a pid alone does
    not. `exited_at` is the leader's end, `ended_at` the end of the whole tree.
    `ready_at` is kept where there is a readiness probe. `condemned` says why the
    hub itself ends the run, and is written before it does anything to that end.
    `token_hash`: SHA-256 of the token that its processes were given, so that a hub
    that adopts them knows it too; empty where they have none. Only a run that no
    supervisor sees has a lease, renewed by its heartbeats; what it holds is leased too.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    agent = models.ForeignKey(
        "agents.Agent", null=True, on_delete=models.SET_NULL, related_name="runs"
    )
    agent_name = models.CharField(max_length=63)
    number = models.PositiveIntegerField()
    generation = models.PositiveBigIntegerField()
    restart_number = models.PositiveIntegerField(default=0)
    revision = models.PositiveIntegerField()
    setup = models.JSONField(default=dict)
    boot = models.CharField(max_length=36)
    pid = models.PositiveIntegerField(null=True)
    start_ticks = models.PositiveBigIntegerField(null=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    adopted = models.BooleanField(default=False)
    stop_rung = models.CharField(max_length=16, blank=True)
    stop_boot_seconds = models.FloatField(null=True)
    ready_at = models.DateTimeField(null=True)
    condemned = models.TextField(blank=True)
    exited_at = models.DateTimeField(null=True)
    exit_code = models.IntegerField(null=True)
    ended_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True)
    lease_boot = models.CharField(max_length=36, blank=True)
    lease_boot_seconds = models.FloatField(null=True)
    expires_at = models.DateTimeField(null=True)
    token_hash = models.CharField(max_length=64, blank=True)

    class Meta:
        default_permissions = ("view",)
        ordering: ClassVar = ["-created_at"]
        indexes: ClassVar = [
            models.Index(fields=["-created_at"], name="run_newest"),
            models.Index(
                fields=["lease_boot_seconds"],
                name="run_leased",
                condition=Q(ended_at__isnull=True, lease_boot_seconds__isnull=False),
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["agent", "number"], name="run_number_once"),
            models.UniqueConstraint(
                fields=["agent"],
                name="run_one_live_per_agent",
                condition=Q(ended_at__isnull=True),
            ),
            models.UniqueConstraint(
                fields=["token_hash"],
                name="run_token_of_one_live_run",
                condition=Q(ended_at__isnull=True) & ~Q(token_hash=""),
            ),
            models.CheckConstraint(
                name="run_pid_has_ticks",
                condition=Q(pid__isnull=True) | Q(start_ticks__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent_name} run {self.number}"

    @property
    def leased(self) -> bool:
        """Whether it counts only as long as it is heard of: no supervisor sees it."""
        return self.lease_boot_seconds is not None

    @property
    def folder(self) -> str:
        """Where its files are, below the `runs` directory."""
        return run_folder(self.agent_name, self.number, self.id)


def run_folder(agent_name: str, number: int, run_id: uuid.UUID) -> str:
    """The run's folder: sorted by number, unique even if a name is used again."""
    return f"{agent_name}/{number:06d}-{run_id.hex[:8]}"
