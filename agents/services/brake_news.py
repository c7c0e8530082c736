"""Who is told that the fleet brake was pulled or released: histories, pages, nodes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from django.db import transaction
from django.utils import timezone

from agents.models import Agent, Brake, StatusChange
from agents.services import bell, changes
from agents.services.bulk import insert_many
from agents.services.lifecycle import Asker

SOURCE: Final = "fleet brake"


def what(found: Brake) -> str:
    agents = "agents are stopped" if found.stops else "agents run on"
    work = "work is interrupted" if found.interrupts else "work may finish"
    return f"{agents}, {work}, none begins"


def note(agents: Iterable[Agent], reason: str, asker: Asker) -> None:
    """A line in the history of each."""
    now = timezone.now()
    columns = (
        *("agent", "agent_name", "from_status", "to_status"),
        *("reason", "source", "actor", "run", "at"),
    )
    insert_many(
        StatusChange,
        columns,
        [
            (
                *(one.pk, one.name, one.status, one.status),
                *(reason, SOURCE, asker.actor, one.run_id, now),
            )
            for one in agents
        ],
    )


def tell(agents: Sequence[Agent]) -> None:
    """After the lines of the history; every node's supervisor is rung."""
    changes.append_of_hub(changes.BRAKE)
    changes.append(changes.AGENT, [agent.pk for agent in agents])
    for node in {"local", *(agent.node for agent in agents)}:
        transaction.on_commit(lambda node=node: bell.ring(node))  # type: ignore[misc]
