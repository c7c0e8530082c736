"""One piece of work for one agent, and what came of it."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from agents.models.choices import TaskStateChoice
from agents.models.phase import AfterBarrier


class Task(AfterBarrier):
    """A task is committed before anybody is told of it, and claimed by one run.

    `conversation` is shared by a task and its follow-ups, one of which runs at a time.
    `touched`: what its commands have written outside its locks (`services.touched`).
    `interrupt_reason`: why a person wants it to be *interrupted* where it is.
    `not_before`: an attempt failed and the next one waits. `cost` is what is known of
    it; `unpriced` counts the usage whose price nobody knows.
    """

    agent = models.ForeignKey(
        "agents.Agent", null=True, on_delete=models.SET_NULL, related_name="tasks"
    )
    agent_name = models.CharField(max_length=63)
    conversation = models.UUIDField(default=uuid.uuid4)
    prompt = models.TextField()
    paths = models.JSONField(default=list)
    priority = models.IntegerField(default=0)
    timeout = models.FloatField(null=True)
    max_attempts = models.PositiveSmallIntegerField(default=3)
    budget = models.JSONField(default=dict)
    idempotency_key = models.CharField(max_length=100, blank=True)
    created_by = models.CharField(max_length=150)
    via = models.CharField(max_length=80)
    created_at = models.DateTimeField(default=timezone.now)

    state = models.CharField(
        max_length=16, choices=TaskStateChoice, default=TaskStateChoice.QUEUED
    )
    reason = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True)
    not_before_boot = models.CharField(max_length=36, blank=True)
    not_before_boot_seconds = models.FloatField(null=True)
    run = models.ForeignKey(
        "agents.Run", null=True, on_delete=models.SET_NULL, related_name="tasks"
    )
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    cancel_asked_at = models.DateTimeField(null=True)
    cancel_asked_by = models.CharField(max_length=150, blank=True)
    interrupt_reason = models.TextField(blank=True)
    question = models.TextField(blank=True)
    answer = models.TextField(null=True)  # noqa: DJ001, an empty answer is one
    answered_by = models.CharField(max_length=150, blank=True)
    result = models.TextField(blank=True)
    error = models.TextField(blank=True)
    touched = models.JSONField(default=dict, blank=True)

    input = models.PositiveBigIntegerField(default=0)
    cache_read = models.PositiveBigIntegerField(default=0)
    cache_write = models.PositiveBigIntegerField(default=0)
    output = models.PositiveBigIntegerField(default=0)
    reasoning = models.PositiveBigIntegerField(default=0)
    cost = models.DecimalField(max_digits=18, decimal_places=9, default=0)
    unpriced = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ("view",)
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(
                fields=["agent", "-priority", "id"],
                name="task_queue",
                condition=Q(state="queued"),
            ),
            models.Index(fields=["state", "-id"], name="task_state_newest"),
            models.Index(fields=["conversation", "id"], name="task_conversation"),
            models.Index(
                fields=["waits_for"],
                name="task_waits",
                condition=Q(waits_for__isnull=False),
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["agent", "idempotency_key"],
                name="task_idempotency_key_once",
                condition=~Q(idempotency_key=""),
            ),
            models.UniqueConstraint(
                fields=["conversation"],
                name="task_one_runs_per_conversation",
                condition=Q(state="running"),
            ),
            models.CheckConstraint(
                name="task_state_known", condition=Q(state__in=TaskStateChoice.values)
            ),
            models.CheckConstraint(
                name="task_running_has_run",
                condition=~Q(state="running") | Q(started_at__isnull=False),
            ),
            models.CheckConstraint(
                name="task_waits_while_queued",
                condition=Q(waits_for__isnull=True, waits_generation__isnull=True)
                | Q(
                    state="queued",
                    waits_for__isnull=False,
                    waits_generation__isnull=False,
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"task {self.pk} of {self.agent_name}"

    def get_absolute_url(self) -> str:
        """The task's live page."""
        return reverse("task", args=[self.pk])
