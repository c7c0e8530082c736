"""The fleet brake, as programs pull, read and release it."""

from __future__ import annotations

from typing import Annotated, Literal

from ninja import Schema
from pydantic import ConfigDict, Field

from agents.api.schemas.agent import Moment

# One character at least that can be seen.
Why = Annotated[
    str,
    Field(
        max_length=500,
        pattern=r"^[^\x00]*[^\x00-\x20\x7f-\xa0\u1680\u2000-\u206f\u3000][^\x00]*$",
        description="Why; everybody sees it.",
        examples=["They delete files."],
    ),
]


class PullIn(Schema):
    """How hard to brake."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: Why
    stop: bool = Field(False, description="Stop the agents too, else they run on.")
    finish: bool = Field(
        False,
        description="Let work that has begun finish, else it is interrupted. With "
        "`stop`, who works is stopped then.",
    )


class ReleaseIn(Schema):
    """How to go on."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: Why
    go_on: bool = Field(
        False,
        description="Start again what was stopped, and let interrupted work go on.",
    )


class BrakeOut(Schema):
    """The brake as it is now; null in most members while it is not pulled."""

    pulled: bool
    since: Moment | None
    by: str | None
    via: str | None
    reason: str | None
    agents: Literal["stop", "leave"] | None = Field(description="What they were told.")
    work: Literal["interrupt", "finish"] | None = Field(
        description="What became of work that had begun."
    )
    stopped: list[str] = Field(description="The agents that it stopped.")
    interrupted: list[int] = Field(description="The tasks that it interrupted.")
