"""Barriers: made, arrived at, and how a round stands."""

from __future__ import annotations

from typing import Annotated, Literal

from ninja import Schema
from pydantic import ConfigDict, Field

from agents.api.paging import PageIn, QueryIn, not_null
from agents.api.schemas.agent import Moment
from agents.api.schemas.texts import Name, Reason
from agents.api.waits import LONGEST
from agents.models.choices import OnFailureChoice, RoundStateChoice
from agents.services.barriers import LONGEST_TIMEOUT, MOST_PARTIES

# What PostgreSQL's bigint takes; no barrier comes so far.
MOST_GENERATION = 2**53
Generation = Annotated[int, Field(ge=1, le=MOST_GENERATION)]
Wait = Annotated[float, Field(ge=0, le=LONGEST, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=MOST_PARTIES)]
Names = Annotated[list[Name], Field(min_length=1, max_length=MOST_PARTIES)]


class BarrierIn(Schema):
    """A meeting place."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Name
    parties: Count | Names = Field(
        description="The names of the agents that meet; or how many, whoever they are. "
        "Of a number nobody can say who is missing or that one of them has died."
    )
    timeout: float | None = Field(
        None,
        gt=0,
        le=LONGEST_TIMEOUT,
        allow_inf_nan=False,
        description="Seconds from a round's first arrival. Left out: no limit.",
    )
    on_failure: Literal["break", "wait"] = Field(
        "break",
        description="What the end of a party's run before it arrives means for the "
        "others: they are told at once, or they wait for its next run.",
    )


class ArriveIn(Schema):
    """Who is there."""

    model_config = ConfigDict(extra="forbid", strict=True)

    agent: Name
    wait: Wait | None = Field(
        None,
        description="Seconds to wait for the others. The arrival stands after that.",
    )
    generation: Generation | None = Field(
        None,
        description="The round that is meant: one that is over is told as it is. "
        "Without it, whoever comes after a round has tripped comes to the next.",
        json_schema_extra=not_null,
    )


class ResetIn(Schema):
    """Why a new round is to begin."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: Reason = ""


class BarrierAsked(QueryIn):
    """Which round, and whether to wait for its end."""

    generation: Generation | None = Field(
        None,
        description="Left out: the current one.",
        json_schema_extra=not_null,
    )
    wait: Wait = Field(0.0, description="Seconds to wait for the end of the round.")


class BarriersIn(PageIn):
    """All of them, by name."""


class StandingOut(Schema):
    """How a round stands."""

    barrier: str
    generation: int
    state: RoundStateChoice
    arrived: list[str]
    missing: list[str] = Field(
        description="Who is expected; empty where only a number is known."
    )
    lacking: int = Field(description="How many are expected.")
    reason: str = Field(description="Why the round is over; empty while it is not.")


class ArrivalOut(Schema):
    """Who has arrived, when, and by which of its runs."""

    agent: str
    run: int | None
    at: Moment


class BarrierOut(Schema):
    """A barrier, and one of its rounds."""

    name: str
    parties: int | list[str]
    timeout: float | None
    on_failure: OnFailureChoice
    created_by: str
    created_at: Moment
    state: RoundStateChoice
    generation: int
    arrived: list[str]
    missing: list[str]
    lacking: int
    reason: str
    began_at: Moment | None = Field(description="Of its first arrival.")
    deadline_at: Moment | None
    ended_at: Moment | None
    arrivals: list[ArrivalOut]
