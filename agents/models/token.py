"""What lets a program in: a person's token, of which only a hash is kept."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from agents.models.choices import ScopeChoice


class ApiToken(models.Model):
    """One token of a person. Its scope narrows what the person may, never widens it.

    `hash`: SHA-256 of the token, as hexadecimal digits. It needs no salt and no slow
    hash, because the token is 256 random bits that nobody chose. `hint`: its first
    letters, to know it by.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens"
    )
    name = models.CharField(max_length=60, help_text="What uses it, such as: ci.")
    scope = models.CharField(
        max_length=9, choices=ScopeChoice, default=ScopeChoice.VIEW
    )
    hash = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=12, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.CharField(max_length=150, editable=False)
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="Empty: it does not expire."
    )
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = "API token"
        default_permissions = ("view",)
        permissions: ClassVar = [("revoke_apitoken", "Can revoke everyone's tokens")]
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "name"],
                name="api_token_name_once",
                condition=Q(revoked_at__isnull=True),
                violation_error_message=(
                    "This person has a token of this name. Revoke it, or choose "
                    "another name."
                ),
            ),
            models.CheckConstraint(
                name="api_token_scope_known",
                condition=Q(scope__in=ScopeChoice.values),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.user.get_username()}"
