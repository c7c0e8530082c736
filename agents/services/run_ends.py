"""Runs have ended: what they held is let go, and who waits for their agents is told.

What may enter: what has to happen in the very transaction that records an end.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import cache

from django.db import connection

from agents.models import LockClaim, Round
from agents.services import barrier_ends, locks


def told(run_ids: Sequence[uuid.UUID]) -> None:
    """Every process of these runs is gone.

    Mostly nobody holds or awaits anything: one question of some microseconds says so,
    because a restart after a crash waits for this.
    """
    if not run_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(_question())
        claims, rounds = cursor.fetchone()
    if claims:
        locks.release_of_runs(run_ids, "its run has ended")
    if rounds:
        barrier_ends.told_of_ends(run_ids)


@cache
def _question() -> str:
    """Whether any claim is open, and any round; both conditions have an index."""
    quote = connection.ops.quote_name
    claims, rounds = (quote(one._meta.db_table) for one in (LockClaim, Round))
    return (
        f"SELECT EXISTS (SELECT 1 FROM {claims} WHERE NOT (state = 'ended')), "
        f"EXISTS (SELECT 1 FROM {rounds} WHERE state = 'waiting')"
    )
