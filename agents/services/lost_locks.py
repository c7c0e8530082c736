"""Locks that a run had and has no more, though it did not let them go itself.

What may enter: what is told with a heartbeat. Blocking.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import F

from agents.models import FileLock
from agents.models.choices import ClaimStateChoice

# A reply may get lost: each loss is told with every heartbeat for so long.
TOLD_FOR: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class LostLock:
    """One pattern. What is written under its `fence` is refused."""

    id: int
    pattern: str
    fence: int


def lost_by(run_id: uuid.UUID, at: datetime) -> tuple[LostLock, ...]:
    """What was taken from this run lately, or has run out; that of tasks apart, which
    end with them."""
    over = FileLock.objects.filter(
        claim__run=run_id,
        claim__task=None,
        claim__state=ClaimStateChoice.ENDED,
        claim__fence__isnull=False,
        claim__ended_at__gt=at - TOLD_FOR,
        # What it lets go itself has a time of its own.
        released_at=F("claim__ended_at"),
    )
    rows = over.order_by("pk").values_list("pk", "pattern", "claim__fence")
    return tuple(LostLock(pk, pattern, fence or 0) for pk, pattern, fence in rows)
