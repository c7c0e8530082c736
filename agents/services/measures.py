"""What is measured of agents: written over and over, and no history.

Only a supervisor that holds its node's lock enters.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

from django.db import transaction
from django.db.models import F

from agents.models import Agent
from agents.services.bulk import update_many


@dataclass(frozen=True, slots=True)
class Sample:
    """What one agent's tree uses, and when it last gave a sign of life.

    The other fields are named as the columns.
    """

    agent_id: int
    cpu_percent: float
    rss_bytes: int
    processes: int
    samples: list[list[float]]
    open_files: int | None
    last_output_at: datetime | None
    last_progress_at: datetime | None


_COLUMNS: Final = tuple(field.name for field in fields(Sample))[1:]
# Of hundreds of agents at a time: dataclasses.astuple would copy each list, deeply.
_values: Final = attrgetter(*_COLUMNS)


def save_samples(
    samples: Sequence[Sample],
    probes: Iterable[tuple[int, list[dict[str, Any]]]] = (),
    beats: Iterable[tuple[int, datetime]] = (),
) -> None:
    """Store the samples, by agent the latest results of probes, and heartbeats."""
    with transaction.atomic():
        rows = [(_values(one), one.agent_id, None) for one in samples]
        update_many(Agent, _COLUMNS, rows)
        update_many(Agent, ["probe_states"], [((s,), pk, None) for pk, s in probes])
        update_many(Agent, ["last_heartbeat_at"], [((b,), pk, None) for pk, b in beats])


def heartbeats(run_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, datetime]:
    """When these runs gave their latest heartbeat at a door of the hub, if they did."""
    theirs = Agent.every.filter(run__in=list(run_ids), heartbeat_run=F("run"))
    found = theirs.values_list("heartbeat_run", "last_heartbeat_at")
    return {run: at for run, at in found if run is not None and at is not None}
