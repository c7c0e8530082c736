"""Output of runs, as programs ask for it and read it."""

from __future__ import annotations

from typing import Literal

from ninja import Schema
from pydantic import Field

from agents.api.paging import QueryIn, not_null
from agents.api.schemas.texts import LARGEST
from agents.services.logs import DEFAULT_READ, MAX_READ


class LogIn(QueryIn):
    """Which output, from where, how much of it."""

    run: int | None = Field(
        None,
        ge=1,
        le=2**31 - 1,
        description="A run's number. Without it: the live or latest run.",
        json_schema_extra=not_null,
    )
    stream: Literal["out", "err"] = "out"
    offset: int | None = Field(
        None,
        ge=0,
        le=LARGEST,
        description="The first byte; `next_offset` of the answer before reads on.",
        json_schema_extra=not_null,
    )
    limit: int = Field(DEFAULT_READ, ge=1, le=MAX_READ, description="Bytes, about.")
    tail: int | None = Field(
        None,
        ge=0,
        le=100_000,
        description="Where no `offset` is given: begin with the last lines, so many.",
        json_schema_extra=not_null,
    )


class LogOut(Schema):
    """A piece of output. `offset` is later than asked where the oldest is gone."""

    run: int | None = Field(description="Null: it has never run.")
    stream: Literal["out", "err"]
    offset: int = Field(description="Of the first byte, within the run.")
    next_offset: int = Field(description="Where to read on.")
    eof: bool = Field(description="Whether this was all, so far.")
    data: str = Field(
        description="UTF-8, no character cut; U+FFFD for what is none. Offsets "
        "count bytes as written, whatever the text makes of them."
    )
