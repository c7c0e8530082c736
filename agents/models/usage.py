"""What was used of whom, and what it cost as far as anybody knows."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from agents.models.choices import BudgetPeriod, BudgetScope


class Usage(models.Model):
    """The tokens of one attempt at one request to a provider, booked once.

    `input` leaves out what the cache gave and took, `output` includes `reasoning`.
    `cost` in USD; None: nobody knows the price. `priced_by` says who knew it.
    """

    agent = models.ForeignKey(
        "agents.Agent", null=True, on_delete=models.SET_NULL, related_name="usage"
    )
    agent_name = models.CharField(max_length=63)
    task = models.ForeignKey(
        "agents.Task", null=True, on_delete=models.SET_NULL, related_name="usage"
    )
    # The place in its task: the step it was to become, and which attempt at it.
    step = models.PositiveIntegerField(null=True)
    attempt = models.PositiveIntegerField(default=1)
    provider = models.CharField(max_length=63)
    kind = models.CharField(max_length=12)
    model = models.CharField(max_length=200)
    at = models.DateTimeField(default=timezone.now)
    input = models.PositiveBigIntegerField(default=0)
    cache_read = models.PositiveBigIntegerField(default=0)
    cache_write = models.PositiveBigIntegerField(default=0)
    output = models.PositiveBigIntegerField(default=0)
    reasoning = models.PositiveBigIntegerField(default=0)
    cost = models.DecimalField(max_digits=18, decimal_places=9, null=True)
    priced_by = models.CharField(max_length=60, blank=True)

    class Meta:
        default_permissions = ("view",)
        ordering: ClassVar = ["-at"]
        indexes: ClassVar = [
            models.Index(fields=["at"], name="usage_at"),
            models.Index(fields=["agent", "at"], name="usage_agent_at"),
            models.Index(fields=["provider", "at"], name="usage_provider_at"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["task", "step", "attempt"], name="usage_booked_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.input + self.output} tokens of {self.model}"


class Price(models.Model):
    """What a model costs here, in USD for a million tokens; before all other lists.

    `model` may end in `*`. What is empty costs as much as `input`.
    """

    provider = models.CharField(
        max_length=63, blank=True, help_text="A provider's name; empty: any."
    )
    model = models.CharField(max_length=200)
    input = models.DecimalField(max_digits=12, decimal_places=6)
    cache_read = models.DecimalField(
        max_digits=12, decimal_places=6, null=True, blank=True
    )
    cache_write = models.DecimalField(
        max_digits=12, decimal_places=6, null=True, blank=True
    )
    output = models.DecimalField(max_digits=12, decimal_places=6)

    class Meta:
        default_permissions = ("view",)
        ordering: ClassVar = ["provider", "model"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "model"], name="price_once"),
        ]

    def __str__(self) -> str:
        return f"{self.provider or 'any'}: {self.model}"


class Budget(models.Model):
    """How much may be spent in a day or a month (UTC), by whom. `limit` in USD."""

    scope = models.CharField(max_length=8, choices=BudgetScope)
    agent = models.ForeignKey(
        "agents.Agent", null=True, blank=True, on_delete=models.CASCADE
    )
    provider = models.ForeignKey(
        "agents.Provider", null=True, blank=True, on_delete=models.CASCADE
    )
    period = models.CharField(max_length=5, choices=BudgetPeriod)
    limit = models.DecimalField("limit in USD", max_digits=12, decimal_places=2)

    class Meta:
        default_permissions = ("view",)
        ordering: ClassVar = ["scope", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="budget_is_about_its_scope",
                condition=Q(scope="all", agent=None, provider=None)
                | Q(scope="agent", agent__isnull=False, provider=None)
                | Q(scope="provider", agent=None, provider__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["agent", "period"],
                name="budget_once_for_agent",
                condition=Q(scope="agent"),
            ),
            models.UniqueConstraint(
                fields=["provider", "period"],
                name="budget_once_for_provider",
                condition=Q(scope="provider"),
            ),
            models.UniqueConstraint(
                fields=["period"],
                name="budget_once_for_all",
                condition=Q(scope="all"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.limit} USD a {self.period}"
