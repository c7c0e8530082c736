"""Which files of a workspace somebody writes, and who waits to."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from agents.models.choices import ClaimStateChoice, LockModeChoice


class LockSpace(models.Model):
    """One workspace, by its real path. Its row is locked by whoever changes its locks.

    `fence` is that of the latest grant; it only rises.
    """

    path = models.CharField(max_length=1000, unique=True)
    fence = models.PositiveBigIntegerField(default=0)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.path


class LockClaim(models.Model):
    """All that one request asks for; granted whole or not at all, in order of `id`.

    It lives as long as its task and its run. Only where no supervisor sees the run it
    has a lease: (`lease_boot`, `lease_boot_seconds`) on the clock that does not jump,
    `expires_at` for people. So has one that waits for a call, or was granted to a call
    that has not been answered: whoever keeps the call open renews it.

    `asked_by`, `via` and `key`: whose call it was, empty for a task's; `waiter`: which
    of several calls with one key is to be answered. `taken_by`: who has taken it away.
    """

    space = models.ForeignKey(
        LockSpace, on_delete=models.CASCADE, related_name="claims"
    )
    mode = models.CharField(max_length=9, choices=LockModeChoice)
    agent = models.ForeignKey(
        "agents.Agent", null=True, on_delete=models.SET_NULL, related_name="claims"
    )
    agent_name = models.CharField(max_length=63)
    run = models.ForeignKey(
        "agents.Run", null=True, on_delete=models.SET_NULL, related_name="claims"
    )
    task = models.ForeignKey(
        "agents.Task", null=True, on_delete=models.SET_NULL, related_name="claims"
    )
    state = models.CharField(
        max_length=7, choices=ClaimStateChoice, default=ClaimStateChoice.WAITING
    )
    fence = models.PositiveBigIntegerField(null=True)
    asked_at = models.DateTimeField(default=timezone.now)
    granted_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    lease_boot = models.CharField(max_length=36, blank=True)
    lease_boot_seconds = models.FloatField(null=True)
    reason = models.TextField(blank=True)
    asked_by = models.CharField(max_length=150, blank=True)
    via = models.CharField(max_length=80, blank=True)
    key = models.CharField(max_length=100, blank=True)
    waiter = models.CharField(max_length=32, blank=True)
    taken_by = models.CharField(max_length=150, blank=True)

    class Meta:
        default_permissions = ("view",)
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(
                fields=["space", "id"],
                name="lock_claim_open",
                condition=~Q(state="ended"),
            ),
            models.Index(
                fields=["run"], name="lock_claim_of_run", condition=~Q(state="ended")
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="lock_claim_held_has_fence",
                condition=~Q(state="held")
                | Q(fence__isnull=False, granted_at__isnull=False),
            ),
            models.CheckConstraint(
                name="lock_claim_ended_has_time",
                condition=Q(state="ended", ended_at__isnull=False)
                | (~Q(state="ended") & Q(ended_at__isnull=True)),
            ),
            models.UniqueConstraint(
                fields=["space", "fence"],
                name="lock_claim_fence_once",
                condition=Q(fence__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"claim {self.pk} of {self.agent_name}"


class FileLock(models.Model):
    """One pattern of a claim. `released_at` where it was let go before the others."""

    claim = models.ForeignKey(LockClaim, on_delete=models.CASCADE, related_name="locks")
    pattern = models.CharField(max_length=1000)
    released_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ("view",)
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return self.pattern
