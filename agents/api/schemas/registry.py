"""Agents that were started elsewhere: what they say, and what they are given."""

from __future__ import annotations

from typing import Annotated

from ninja import Schema
from pydantic import ConfigDict, Field

from agents.api.paging import not_null
from agents.api.schemas.agent import AgentOut
from agents.api.schemas.heartbeats import Note
from agents.api.schemas.texts import NO_NUL, Name, Reason
from agents.models.choices import ActivityChoice

Words = Annotated[str, Field(max_length=200, pattern=NO_NUL)]


class RegisterIn(Schema):
    """What is left out stays as it was when the agent registered before."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    role: Words | None = Field(None, json_schema_extra=not_null)
    capabilities: list[Words] | None = Field(
        None, max_length=100, json_schema_extra=not_null
    )
    labels: dict[Words, Words] | None = Field(
        None, max_length=100, json_schema_extra=not_null
    )
    activity: ActivityChoice | None = Field(None, json_schema_extra=not_null)
    note: Note = ""


class RegisteredOut(Schema):
    """The agent's new run, and what it is given."""

    token: str = Field(
        description="The run's own, for its heartbeats, locks and barriers. It is "
        "shown once, and ends with the run."
    )
    run: int = Field(description="Its number.")
    interval: float = Field(description="Seconds in which a heartbeat is expected.")
    lease: float = Field(
        description="Seconds without a heartbeat after which its locks are free and it "
        "is called unknown."
    )
    agent: AgentOut


class DeregisterIn(Schema):
    """Why it goes."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason = ""
