"""When agents are started, stopped or asked without anybody at the keyboard."""

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
    From `prompt` to `max_attempts` it is for schedules that ask for work; `timeout` in
    seconds.
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
            "“30 6 * * mon-fri” is half past six on working days, “*/30 * * * *” "
            "every 30 minutes, “0 */4 * * *” every 4 hours."
        ),
    )
    prompt = models.TextField(blank=True, help_text="What every task of it says.")
    paths = models.JSONField(default=list, blank=True)
    priority = models.IntegerField(
        default=0, help_text="From -1000 to 1000; higher ones are begun first."
    )
    timeout = models.FloatField(
        null=True, blank=True, help_text="Seconds for one task. Empty: no limit."
    )
    max_attempts = models.PositiveSmallIntegerField(
        "attempts", default=3, help_text="How often a task is tried, 1 to 20."
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
        given = {name: getattr(self, name) for name in schedule.OF_TASKS}
        asks = self.action == ScheduledAction.ASK
        problems |= schedule.task_problems(asks, given)
        if found := {key: text for key, text in problems.items() if text}:
            raise ValidationError(found)
