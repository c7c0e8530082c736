"""What an agent says of itself, and what it is told."""

from __future__ import annotations

from typing import Annotated, Literal

from ninja import Schema
from pydantic import ConfigDict, Field

from agents.api.paging import not_null
from agents.api.schemas.texts import NO_NUL
from agents.models.choices import ActivityChoice
from agents.services.heartbeats import LONGEST_NOTE

Note = Annotated[
    str,
    Field(
        max_length=LONGEST_NOTE, pattern=NO_NUL, examples=["reads the tests of search"]
    ),
]


class HeartbeatIn(Schema):
    """What is left out stays as it was said before."""

    model_config = ConfigDict(extra="forbid")

    activity: ActivityChoice | None = Field(None, json_schema_extra=not_null)
    note: Note | None = Field(
        None,
        description="One line. An `activity` without a note has none.",
        json_schema_extra=not_null,
    )
    run: int | None = Field(
        None,
        ge=1,
        le=2**31 - 1,
        description="The number of the run that it is about: 409 if that is over. A "
        "run's own token says it by itself.",
        json_schema_extra=not_null,
    )


class LostLockOut(Schema):
    """A lock that the run has no more, though it did not let it go."""

    id: int
    pattern: str
    fence: int = Field(description="What is written under it is refused.")


class HeartbeatOut(Schema):
    """What is wanted of the agent."""

    wanted: Literal["run", "stop"] = Field(
        description="stop: this run is to end. A signal may come as well."
    )
    cancel: list[int] = Field(description="Ids of its tasks that were cancelled.")
    locks_lost: list[LostLockOut] = Field(
        description="Told with each heartbeat for ten minutes, as a reply may get lost."
    )
    interval: float = Field(description="Seconds in which the next one is expected.")
