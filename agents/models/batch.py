"""Many agents asked as one job: a batch, and an item for each agent."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from agents.models.choices import (
    BatchActionChoice,
    BatchStateChoice,
    ItemStateChoice,
    StatusChoice,
)
from agents.models.phase import AfterBarrier


class Batch(AfterBarrier):
    """One job, recorded whole before anything of it is done.

    `ask`: what is asked, of the action *ask*. `whom`: how the agents were chosen, in
    words. `at_once`: items that are under way at most; `patience`: seconds in which
    one has to have its outcome. A cancelled batch ends with what is under way.
    (`arrives_at`, `arrives_generation`): the round in which its tasks arrive.
    """

    action = models.CharField(max_length=8, choices=BatchActionChoice)
    ask = models.JSONField(default=dict)
    whom = models.TextField(blank=True)
    at_once = models.PositiveIntegerField()
    patience = models.FloatField()
    reason = models.TextField(blank=True)
    created_by = models.CharField(max_length=150)
    via = models.CharField(max_length=80)
    created_at = models.DateTimeField(default=timezone.now)
    idempotency_key = models.CharField(max_length=100, blank=True)
    state = models.CharField(
        max_length=9, choices=BatchStateChoice, default=BatchStateChoice.RUNNING
    )
    cancel_asked_at = models.DateTimeField(null=True)
    cancel_asked_by = models.CharField(max_length=150, blank=True)
    cancel_reason = models.TextField(blank=True)
    ended_at = models.DateTimeField(null=True)
    arrives_at = models.ForeignKey(
        "agents.Barrier", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    arrives_generation = models.PositiveBigIntegerField(null=True)

    class Meta:
        verbose_name_plural = "batches"
        default_permissions = ("view",)
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(
                fields=["id"], name="batch_open", condition=Q(state="running")
            ),
            models.Index(
                fields=["waits_for"],
                name="batch_waits",
                condition=Q(waits_for__isnull=False),
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["created_by", "idempotency_key"],
                name="batch_idempotency_key_once",
                condition=~Q(idempotency_key=""),
            ),
            models.CheckConstraint(
                name="batch_ended_has_time",
                condition=Q(state="running", ended_at__isnull=True)
                | (~Q(state="running") & Q(ended_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="batch_waits_while_running",
                condition=Q(waits_for__isnull=True, waits_generation__isnull=True)
                | Q(
                    state="running",
                    waits_for__isnull=False,
                    waits_generation__isnull=False,
                ),
            ),
            models.CheckConstraint(name="batch_goes_on", condition=Q(at_once__gte=1)),
        ]

    def __str__(self) -> str:
        return f"batch {self.pk}: {self.action}"

    def get_absolute_url(self) -> str:
        """The batch's live page."""
        return reverse("batch", args=[self.pk])


class BatchItem(models.Model):
    """What becomes of one agent. It is begun once, by a conditional update in the
    transaction that records its request or task.

    `status`: the agent's, when the item ended. (`begun_boot`, `begun_boot_seconds`):
    when it was begun, on the clock that does not jump.
    """

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()
    agent = models.ForeignKey("agents.Agent", null=True, on_delete=models.SET_NULL)
    agent_name = models.CharField(max_length=63)
    state = models.CharField(
        max_length=9, choices=ItemStateChoice, default=ItemStateChoice.WAITING
    )
    request = models.ForeignKey("agents.Request", null=True, on_delete=models.SET_NULL)
    task = models.ForeignKey("agents.Task", null=True, on_delete=models.SET_NULL)
    status = models.CharField(max_length=10, choices=StatusChoice, blank=True)
    detail = models.TextField(blank=True)
    begun_at = models.DateTimeField(null=True)
    begun_boot = models.CharField(max_length=36, blank=True)
    begun_boot_seconds = models.FloatField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ("view",)
        ordering: ClassVar = ["batch", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["batch", "position"], name="batch_item_place_once"
            ),
            models.UniqueConstraint(
                fields=["batch", "agent_name"], name="batch_item_agent_once"
            ),
            models.CheckConstraint(
                name="batch_item_ended_has_time",
                condition=Q(state__in=("waiting", "begun"), ended_at__isnull=True)
                | (~Q(state__in=("waiting", "begun")) & Q(ended_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent_name} of {self.batch}"
