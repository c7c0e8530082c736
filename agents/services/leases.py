"""Leases of runs that no supervisor sees, and of what these runs hold.

What may enter: what is looked at and renewed with a heartbeat from outside. Blocking.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction

from agents.models import LockClaim, Run
from agents.models.choices import ClaimStateChoice
from agents.policy.lease import Lease
from agents.services import locks


def of(row: Run | LockClaim) -> Lease | None:
    """Its lease; None where it needs none."""
    if row.lease_boot_seconds is None or row.expires_at is None:
        return None
    return Lease(row.lease_boot, row.lease_boot_seconds, row.expires_at)


def columns(lease: Lease) -> dict[str, Any]:
    """How a row keeps it."""
    return {
        "lease_boot": lease.boot,
        "lease_boot_seconds": lease.at,
        "expires_at": lease.until,
    }


def renew_alone(run_id: uuid.UUID) -> bool:
    """The same for a run that has no locks."""
    live = Run.objects.filter(
        pk=run_id, ended_at=None, lease_boot_seconds__isnull=False
    )
    return bool(live.update(**columns(Lease.begin())))


def renew(run_id: uuid.UUID) -> bool:
    """The run was heard of: it and its locks have a whole lease again.

    A lock whose lease has run out is not among them: it ends. False: the run has ended.
    """
    kept = columns(Lease.begin())
    with transaction.atomic():
        if not renew_alone(run_id):
            return False
        claims = LockClaim.objects.filter(run=run_id, lease_boot_seconds__isnull=False)
        # A place in the queue is kept by the call that waits, and ends with it.
        claims = claims.filter(state=ClaimStateChoice.HELD)
        leases = [(claim.pk, of(claim)) for claim in claims]
        over = [pk for pk, lease in leases if lease and not lease.counts]
        if over:
            locks.release(over, "its lease has run out")
        if len(over) < len(leases):
            claims.update(**kept)
    return True
