"""Where models are asked: an address, a key that nobody can read, and defaults."""

from __future__ import annotations

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from agents.models.choices import ProviderKind
from agents.policy import endpoint, setup


class Provider(models.Model):
    """One endpoint. `sealed_key` is encrypted and read by `services.keys` alone."""

    name = models.CharField(max_length=63, unique=True)
    kind = models.CharField(max_length=12, choices=ProviderKind)
    base_url = models.CharField(
        "base URL",
        max_length=500,
        blank=True,
        help_text="Empty: the vendor's own, or the one in the hub's environment.",
    )
    sealed_key = models.TextField(blank=True, editable=False)
    default_model = models.CharField(
        max_length=200,
        blank=True,
        help_text="For agents whose set-up names no model.",
    )
    max_concurrent = models.PositiveIntegerField(
        "requests at once",
        null=True,
        blank=True,
        help_text="Of all agents together; empty: no limit.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # A hub that hears of the wish asks the provider and writes down what came of it.
    check_asked_at = models.DateTimeField(null=True, editable=False)
    checked_at = models.DateTimeField(null=True, editable=False)
    check_ok = models.BooleanField(null=True, editable=False)
    check_detail = models.TextField(blank=True, editable=False)
    known_models = models.JSONField(
        default=list, editable=False, help_text="The models it has named."
    )

    class Meta:
        default_permissions = ("view",)
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="provider_kind_known",
                condition=models.Q(kind__in=ProviderKind.values),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse an address that cannot work; each message says what to change."""
        problems = {
            "name": setup.name_problem(self.name or ""),
            "base_url": endpoint.url_problem(self.kind, self.base_url or ""),
        }
        if self.max_concurrent == 0:
            problems["max_concurrent"] = "Give 1 or more, or leave it empty."
        if found := {key: text for key, text in problems.items() if text}:
            raise ValidationError(found)
