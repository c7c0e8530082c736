"""What those read who watch over the hub."""

from __future__ import annotations

from typing import Literal

from ninja import Schema
from pydantic import Field

from agents.api.schemas.brake import BrakeOut


class HealthOut(Schema):
    """Whether the hub works; more for who may look at agents."""

    status: Literal["ok", "degraded", "down"] = Field(
        description="degraded: agents run on, and nobody steers them. down: the "
        "database does not answer."
    )
    live: bool = Field(description="This process answers.")
    ready: bool = Field(description="What is asked of the hub now will be done.")
    reasons: list[str] | None = Field(
        description="Why it is not ready; null for who may not look at agents."
    )
    brake: BrakeOut | None = Field(
        description="The fleet brake, which makes no hub ill; null for who may not "
        "look at agents, and while the database does not answer."
    )
