"""Schedules, as programs write and read them."""

from __future__ import annotations

from typing import Annotated, Final

from ninja import Schema
from pydantic import ConfigDict, Field, JsonValue

from agents.api.paging import not_null
from agents.api.schemas.agent import Moment
from agents.api.schemas.texts import NO_NUL
from agents.models.choices import ScheduledAction
from agents.policy.schedule import MOST_NAMES

Text = Annotated[str, Field(max_length=300, pattern=NO_NUL)]
Prompt = Annotated[
    str,
    Field(pattern=NO_NUL, description="For the action ask: what each task says."),
]
Names = Annotated[
    list[Text],
    Field(max_length=MOST_NAMES, description="Its agents; or choose them by label."),
]
Labels = Annotated[
    dict[Text, Text],
    Field(description="All agents that have all of these when the time comes."),
]
Paths = Annotated[list[Text], Field(description="For the action ask: it writes these.")]
Times = Annotated[
    str,
    Field(
        max_length=100,
        pattern=NO_NUL,
        description="Minute, hour, day of the month, month, day of the week; UTC.",
        examples=["30 6 * * mon-fri"],
    ),
]
Seconds = Annotated[
    float | None,
    Field(allow_inf_nan=False, description="For one task. Null: no limit."),
]


class ScheduleOut(Schema):
    """A schedule, when it comes next, and what came of its latest time."""

    name: str
    action: ScheduledAction
    names: list[str]
    labels: dict[str, str]
    cron: str
    enabled: bool
    prompt: str
    paths: list[str]
    priority: int
    timeout: float | None
    max_attempts: int
    next_at: Moment | None = Field(description="Null while it is off.")
    last_at: Moment | None
    last_ok: bool | None
    last_outcome: str
    created_by: str
    created_at: Moment


NIGHTLY: Final[dict[str, JsonValue]] = {
    "name": "nightly",
    "cron": "0 4 * * *",
    "action": "restart",
    "names": ["web"],
}


class ScheduleIn(Schema):
    """A new schedule. The keys from `prompt` on are for the action ask alone."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [NIGHTLY]}
    )

    name: Text
    cron: Times
    action: ScheduledAction = Field(ScheduledAction.START, strict=False)
    names: Names = Field([])
    labels: Labels = Field({})
    enabled: bool = True
    prompt: Prompt = ""
    paths: Paths = Field([])
    priority: int = 0
    timeout: Seconds = None
    max_attempts: int = 3


class ScheduleChangeIn(Schema):
    """What is to be otherwise; what is left out stays."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"enabled": False}]},
    )

    name: Text | None = Field(None, json_schema_extra=not_null)
    cron: Times | None = Field(None, json_schema_extra=not_null)
    action: ScheduledAction | None = Field(
        None, strict=False, json_schema_extra=not_null
    )
    names: Names | None = Field(None, json_schema_extra=not_null)
    labels: Labels | None = Field(None, json_schema_extra=not_null)
    enabled: bool | None = Field(None, json_schema_extra=not_null)
    prompt: Prompt | None = Field(None, json_schema_extra=not_null)
    paths: Paths | None = Field(None, json_schema_extra=not_null)
    priority: int | None = Field(None, json_schema_extra=not_null)
    timeout: Seconds = None
    max_attempts: int | None = Field(None, json_schema_extra=not_null)
