"""What was used of whom, and what it cost as far as anybody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from agents.models.choices import BudgetPeriod, BudgetScope
from agents.policy import budgets

if TYPE_CHECKING:
    Rate = models.DecimalField[Any, Any]


def _rate(name: str | None = None, *, optional: bool = False) -> Rate:
    return models.DecimalField(
        name,
        max_digits=12,
        decimal_places=6,
        null=optional,
        blank=optional,
        validators=[MinValueValidator(0)],
        help_text="Empty: as input." if optional else "",
    )


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
        verbose_name_plural = "usage"
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
    model = models.CharField(
        max_length=200, help_text="A model, or how its name begins: <code>gpt-5*</code>"
    )
    input = _rate()
    cache_read = _rate("cache read", optional=True)
    cache_write = _rate("cache write", optional=True)
    output = _rate()

    class Meta:
        default_permissions = ("view",)
        ordering: ClassVar = ["provider", "model"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["provider", "model"],
                name="price_once",
                violation_error_message="This model has a price here already.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} of {self.provider or 'any provider'}"

    def clean(self) -> None:
        """A star stands for the rest of a name, and nowhere else."""
        if "*" in (self.model or "").removesuffix("*"):
            raise ValidationError({"model": "A * may stand at the end only."})


class UsageDay(models.Model):
    """What one agent used of one model on one day (UTC): kept up with each booking.

    All sums are made of these, so that usage itself may be deleted when it is old.
    `cost` is what is known of it; `unpriced` counts the requests whose price is not.
    """

    day = models.DateField()
    agent = models.ForeignKey(
        "agents.Agent", null=True, on_delete=models.SET_NULL, related_name="usage_days"
    )
    agent_name = models.CharField(max_length=63)
    provider = models.CharField(max_length=63)
    model = models.CharField(max_length=200)
    requests = models.PositiveBigIntegerField(default=0)
    unpriced = models.PositiveBigIntegerField(default=0)
    input = models.PositiveBigIntegerField(default=0)
    cache_read = models.PositiveBigIntegerField(default=0)
    cache_write = models.PositiveBigIntegerField(default=0)
    output = models.PositiveBigIntegerField(default=0)
    reasoning = models.PositiveBigIntegerField(default=0)
    cost = models.DecimalField(max_digits=18, decimal_places=9, default=0)

    class Meta:
        default_permissions = ("view",)
        ordering: ClassVar = ["-day"]
        indexes: ClassVar = [
            models.Index(fields=["agent", "day"], name="usage_day_agent"),
            # All that a budget of many agents adds up, so that its row is not read.
            models.Index(
                fields=["day", "provider", "cost", "unpriced"], name="usage_day_money"
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["day", "agent", "provider", "model"], name="usage_day_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent_name}: {self.model} on {self.day}"


class Budget(models.Model):
    """How much may be spent in a day or a month (UTC), by all or of one provider.

    What one agent may spend stands in its set-up. `limit` in USD.
    """

    scope = models.CharField(max_length=8, choices=BudgetScope)
    provider = models.ForeignKey(
        "agents.Provider",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        help_text="For a budget of one provider.",
    )
    period = models.CharField(
        max_length=5, choices=BudgetPeriod, help_text="It begins at midnight UTC."
    )
    limit = models.DecimalField(
        "limit in USD",
        max_digits=12,
        decimal_places=2,
        validators=[MinValueValidator(budgets.USD_A_CENT)],
    )

    class Meta:
        default_permissions = ("view",)
        ordering: ClassVar = ["scope", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="budget_is_about_its_scope",
                condition=Q(scope="all", provider=None)
                | Q(scope="provider", provider__isnull=False),
                violation_error_message=(
                    "Name the provider for a budget of one provider, and none for "
                    "one of all agents."
                ),
            ),
            models.UniqueConstraint(
                fields=["provider", "period"],
                name="budget_once_for_provider",
                condition=Q(scope="provider"),
                violation_error_message=(
                    "This provider has a budget for this period already."
                ),
            ),
            models.UniqueConstraint(
                fields=["period"],
                name="budget_once_for_all",
                condition=Q(scope="all"),
                violation_error_message=(
                    "There is a budget of all agents for this period already."
                ),
            ),
        ]

    def __str__(self) -> str:
        whose = self.provider.name if self.provider else "all agents"
        return f"{self.limit} USD a {self.period} for {whose}"
