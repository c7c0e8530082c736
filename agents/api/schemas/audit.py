"""Who did what, as programs read it."""

from __future__ import annotations

from typing import Literal

from ninja import Schema
from pydantic import Field

from agents.api.paging import PageIn, Words
from agents.api.schemas.agent import Moment


class AuditOut(Schema):
    """One act: an agent was asked for something, or something was changed."""

    at: Moment
    actor: str
    via: str | None = Field(
        description="The door of a request, such as `admin` or `api: ci`, which names "
        "the token. Null for a change, whose `detail` names it."
    )
    action: str = Field(
        description="start, stop, restart or kill of a request; added, changed or "
        "deleted of a change."
    )
    object_type: str = Field(examples=["agent"])
    object: str = Field(description="Its name, also where it is gone by now.")
    detail: str = Field(description="The reason of a request; what was changed.")
    outcome: Literal["open", "done", "failed", "superseded"] | None = Field(
        description="What came of a request; null for a change."
    )


class AuditIn(PageIn):
    """By whom, and on what; every filter has to hold."""

    actor: Words = ""
    object: Words = ""
