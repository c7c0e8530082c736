"""Steps as a supervisor makes them, for the tests of what is recorded."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from agents.models import Agent, Change, Request
from agents.policy.states import Status
from agents.services.recording import (
    Observed,
    RunOpened,
    Step,
)

AT = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)


def seen(status: Status, **values: Any) -> Observed:
    given = {"since": AT, "reason": "because", "source": "a test", **values}
    return Observed(status=status, **given)


def step(agent: Agent, after: Observed, **values: Any) -> Step:
    return Step(agent.pk, agent.name, Status(agent.status), after, **values)


def opened(agent: Agent, number: int = 1, **values: Any) -> RunOpened:
    given = {
        "generation": 1,
        "restart_number": 0,
        "revision": 3,
        "setup": {"command": ["sleep"]},
        "boot": "boot",
        "created_at": AT,
    }
    return RunOpened(
        id=uuid.uuid4(),
        agent_id=agent.pk,
        agent_name=agent.name,
        number=number,
        **{**given, **values},
    )


def changes() -> list[tuple[str, int | None]]:
    return list(Change.objects.values_list("topic", "agent_id"))


def outcomes() -> list[tuple[int, str, str]]:
    rows = Request.objects.order_by("agent", "generation")
    return list(rows.values_list("generation", "outcome", "detail"))
