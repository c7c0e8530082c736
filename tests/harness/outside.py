"""Agents that were started elsewhere, and time that passes for them."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User
from django.db.models import F

from agents.models import LockClaim, Run
from agents.services import registry, tokens
from agents.services.registry import About, Registered


def registered(name: str, by: User, **about: object) -> Registered:
    """It has registered, brought by this person."""
    return registry.register(name, tokens.of_user(by), About(**about))  # type: ignore[arg-type]


def silent_for(run: Run, seconds: float) -> None:
    """As if its last heartbeat was so long ago."""
    for rows in (Run.objects.filter(pk=run.pk), LockClaim.objects.filter(run=run)):
        rows.filter(lease_boot_seconds__isnull=False).update(
            lease_boot_seconds=F("lease_boot_seconds") - seconds,
            expires_at=F("expires_at") - timedelta(seconds=seconds),
        )
