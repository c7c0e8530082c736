"""The shape in which programs read schedules."""

from __future__ import annotations

from typing import Any

from agents.models import Schedule
from agents.services import schedules
from agents.services.shapes import utc


def schedule_shape(one: Schedule) -> dict[str, Any]:
    """One schedule: what is written, when it comes next, what came of it last."""
    written = {name: getattr(one, name) for name in schedules.WRITTEN}
    return written | {
        "next_at": utc(schedules.next_time(one)),
        "last_at": utc(one.last_at),
        "last_ok": one.last_ok,
        "last_outcome": one.last_outcome,
        "created_by": one.created_by,
        "created_at": utc(one.created_at),
    }
