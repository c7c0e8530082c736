"""Kinds of text that bodies have, with their bounds."""

from __future__ import annotations

from typing import Annotated, Final

from ninja import Path
from pydantic import Field

# No NUL, which PostgreSQL refuses; half a character pydantic refuses by itself.
NO_NUL: Final = r"^[^\x00]*$"

Name = Annotated[str, Field(max_length=63, pattern=NO_NUL, examples=["web"])]
Reason = Annotated[
    str,
    Field(
        max_length=500,
        pattern=NO_NUL,
        description="It stands in the requests and in the audit log.",
    ),
]

# The largest number that every reader of JSON knows exactly.
LARGEST: Final = 2**53 - 1
TaskId = Annotated[int, Path(ge=1, le=LARGEST)]
