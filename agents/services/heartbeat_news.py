"""Whether there is anything to tell a run with its heartbeat: mostly there is nothing.

One question of some microseconds, for three that Django would make anew each time.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from functools import cache
from typing import NamedTuple

from django.db import connection

from agents.models import LockClaim, Run, Task
from agents.services.lost_locks import TOLD_FOR


class News(NamedTuple):
    """What there is of: tasks that were cancelled, claims of its own that have ended
    lately, and claims that have a lease."""

    cancelled: bool
    ended: bool
    leased: bool


def of(run_id: uuid.UUID, at: datetime) -> News:
    """What is to be looked for in the tables, for this run."""
    key = Run._meta.pk.get_db_prep_value(run_id, connection)
    since = connection.ops.adapt_datetimefield_value(at - TOLD_FOR)
    with connection.cursor() as cursor:
        cursor.execute(_question(), [key, key, since, key])
        return News(*map(bool, cursor.fetchone()))


@cache
def _question() -> str:
    quote = connection.ops.quote_name
    tasks, claims = (quote(one._meta.db_table) for one in (Task, LockClaim))
    return (
        f"SELECT EXISTS (SELECT 1 FROM {tasks} WHERE run_id = %s AND state = 'running' "
        "AND cancel_asked_at IS NOT NULL), "
        f"EXISTS (SELECT 1 FROM {claims} WHERE run_id = %s AND state = 'ended' "
        "AND fence IS NOT NULL AND ended_at > %s), "
        f"EXISTS (SELECT 1 FROM {claims} WHERE run_id = %s AND NOT (state = 'ended') "
        "AND lease_boot_seconds IS NOT NULL)"
    )
