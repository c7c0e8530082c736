"""When agents are started, stopped or restarted without anybody at the keyboard."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from agents.models.choices import ScheduledAction
from agents.policy import schedule, setup


class Schedule(models.Model):
    """One action at the times of a cron expression, for some names or one group.

    People write all but the `last` columns, which tell what came of the latest time.
    """

    name = models.CharField(max_length=63, unique=True)
    action = models.CharField(
        max_length=8, choices=ScheduledAction, default=ScheduledAction.START
    )
    names = models.JSONField(default=list, blank=True)
    labels = models.JSONField(default=dict, blank=True)
    cron = models.CharField(
        "times",
        max_length=100,
        help_text=(
            "Minute, hour, day of the month, month, day of the week, in UTC: "
            "“30 6 * * mon-fri” is half past six on working days."
        ),
    )
    enabled = models.BooleanField(default=True)
    created_by = models.CharField(max_length=150, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_at = models.DateTimeField(null=True, editable=False)
    last_ok = models.BooleanField(null=True, editable=False)
    last_outcome = models.TextField(blank=True, editable=False)

    class Meta:
        default_permissions = ()
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse what could never work, whatever agents there are."""
        problems: dict[str, Any] = {
            "name": setup.name_problem(self.name),
            "names": schedule.names_problem(self.names),
            "labels": setup.labels_problem(self.labels),
        }
        if not (problems["names"] or problems["labels"]):
            problems["names"] = schedule.choice_problem(self.names, self.labels)
        if found := {key: text for key, text in problems.items() if text}:
            raise ValidationError(found)
