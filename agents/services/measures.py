"""What is measured of agents: written over and over, and no history.

Only a supervisor that holds its node's lock enters, and whoever brings a heartbeat.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from typing import Any

from django.db import transaction

from agents.models import Agent
from agents.policy.states import ALIVE
from agents.services import changes
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


def save_samples(
    samples: Sequence[Sample],
    probes: Iterable[tuple[int, list[dict[str, Any]]]] = (),
    beats: Iterable[tuple[int, datetime]] = (),
) -> None:
    """Store the samples, by agent the latest results of probes, and heartbeats."""
    with transaction.atomic():
        _, *columns = (field.name for field in fields(Sample))
        rows = [astuple(one) for one in samples]
        update_many(Agent, columns, [(row[1:], row[0], None) for row in rows])
        update_many(Agent, ["probe_states"], [((s,), pk, None) for pk, s in probes])
        update_many(Agent, ["last_heartbeat_at"], [((b,), pk, None) for pk, b in beats])


def heartbeat(agent_id: int, run_id: uuid.UUID, at: datetime) -> bool:
    """A sign of life that an agent gives by itself; False when that run is over."""
    with transaction.atomic():
        alive = Agent.objects.filter(
            pk=agent_id, run_id=run_id, status__in=[one.value for one in ALIVE]
        )
        if not alive.update(last_heartbeat_at=at):
            return False
        changes.append(changes.HEARTBEAT, [agent_id])
    return True


def say_activity(
    agent_id: int, run_id: uuid.UUID, activity: str, note: str, at: datetime
) -> bool:
    """What an agent inside the hub says it does; False when that run is over.

    `activity`: idle, working or waiting. `note` is cut to what a line takes.
    """
    with transaction.atomic():
        alive = Agent.objects.filter(
            pk=agent_id, run_id=run_id, status__in=[one.value for one in ALIVE]
        )
        said = alive.update(
            activity=activity, activity_note=note[:200], last_heartbeat_at=at
        )
        if said:
            # Its supervisor has heard it already.
            changes.append(changes.AGENT, [agent_id])
    return bool(said)
